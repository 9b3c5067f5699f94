import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Database } from '../../../src/platform/index.js';
import { arrived, eventually, mailbox } from '../../support/mailer.js';
import { startSesProxy, type SesProxy } from '../../support/ses-proxy.js';
import { startMailHouse, type MailHouse } from './mail-house.js';

let ses: SesProxy;
let house: MailHouse;
let app: INestApplication;

beforeAll(async () => {
  ses = await startSesProxy(inject('mailboxUrl'));
  house = await startMailHouse({ SES_ENDPOINT: ses.url });
  app = house.app;
});
afterAll(async () => {
  await house.close();
  await ses.close();
});

const register = (email: string, name = 'Ada') =>
  house.call('POST /v1/auth/register', { body: { email, password: 'a cup of coffee at 7', name } });

const rowOf = (address: string) =>
  app
    .get(Database)
    .one<{ status: string; attempts: number; payload: object }>(
      `SELECT status, attempts, payload FROM emails WHERE recipient = $1 ORDER BY created_at DESC`,
      [address],
    );

describe('mails about accounts', () => {
  it('brings the link of a registration from the outbox over SQS to the mailbox', async () => {
    const email = `${randomUUID()}@example.com`;
    expect((await register(email)).status).toBe(202);
    const [mail] = await arrived(email);
    const link = /https?:\/\/\S+verify-email\?token=[\w.-]+/.exec(mail?.body.text ?? '')?.[0] ?? '';
    expect(mail?.body.html).toContain(link);
    const token = new URL(link).searchParams.get('token');
    expect((await house.call('POST /v1/auth/verify', { body: { token } })).status).toBe(200);
    await eventually(async () => (await rowOf(email))?.status === 'sent');
    expect(await rowOf(email)).toMatchObject({ status: 'sent', attempts: 1 });
  });

  it('keeps neither token nor link in a row', async () => {
    const email = `${randomUUID()}@example.com`;
    await register(email);
    const [mail] = await arrived(email);
    const token = /token=[\w-]+\.([\w-]+)/.exec(mail?.body.text ?? '')?.[1] ?? '';
    expect(token).toHaveLength(43);
    const rows = await app.get(Database).query('SELECT e::text FROM emails e');
    const events = await app.get(Database).query('SELECT o::text FROM outbox o');
    expect(JSON.stringify([rows, events])).not.toContain(token);
  });

  it('does not send a link that was replaced before its mail went', async () => {
    const email = `${randomUUID()}@example.com`;
    ses.plan = () => ({ kind: 'throttle' });
    await register(email);
    await register(email);
    await eventually(async () => {
      const rows = await app
        .get(Database)
        .query('SELECT id FROM emails WHERE recipient = $1', [email]);
      return rows.length === 2;
    });
    ses.plan = () => ({ kind: 'none' });
    await eventually(async () => {
      const rows = await app
        .get(Database)
        .query<{ status: string }>('SELECT status FROM emails WHERE recipient = $1', [email]);
      return rows.length === 2 && rows.every((row) => row.status !== 'queued');
    });
    expect(await mailbox(email)).toHaveLength(1);
  });
});
