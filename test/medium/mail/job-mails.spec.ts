import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Document, NodeIO } from '@gltf-transform/core';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { People } from '../../../src/auth/index.js';
import { Files } from '../../../src/storage/index.js';
import { arrived, eventually, mailbox } from '../../support/mailer.js';
import { startSesProxy, type SesProxy } from '../../support/ses-proxy.js';
import { FinishedJobs, picture, type Owner } from './finished-jobs.js';
import { startMailHouse, type MailHouse } from './mail-house.js';

let ses: SesProxy;
let house: MailHouse;
let jobs: FinishedJobs;
let image: Buffer;

beforeAll(async () => {
  ses = await startSesProxy(inject('mailboxUrl'));
  house = await startMailHouse({ SES_ENDPOINT: ses.url, MAILS_PER_DAY: '4' });
  jobs = new FinishedJobs(house.app);
  image = await picture();
});
afterAll(async () => {
  await house.close();
  await ses.close();
});
beforeEach(() => release());

/** SES takes nothing: mails wait without spending a try. */
const hold = (): void => {
  ses.plan = () => ({ kind: 'throttle' });
};
const release = (): void => {
  ses.plan = () => ({ kind: 'none' });
};

const logIn = async ({ email }: Owner): Promise<string> => {
  const body = { email, password: 'a cup of coffee at 7' };
  return String((await house.call('POST /v1/auth/login', { body })).body['accessToken']);
};

const settled = (jobId: string) =>
  eventually(async () => {
    const rows = await house.database.query<{ status: string; recipient: string }>(
      'SELECT status, recipient FROM emails WHERE job_id = $1',
      [jobId],
    );
    return rows.length > 0 && rows.every((row) => row.status !== 'queued') && rows;
  });

describe('the mail about a result', () => {
  it('shows the picture small, links to the full file, and says what it cost', async () => {
    const owner = await jobs.owner();
    await jobs.finish(owner, { outputs: [{ name: 'image', content: image }] });
    const [mail] = await arrived(owner.email);
    expect(mail?.subject).toBe('Your result is ready: Product background');
    const [inline] = mail?.attachments ?? [];
    expect(inline).toMatchObject({ contentType: 'image/jpeg' });
    const { width, height } = await sharp(Buffer.from(inline?.content ?? '', 'base64')).metadata();
    expect([width, height]).toEqual([600, 400]);
    const text = mail?.body.text ?? '';
    expect(text).toContain('on white marble');
    expect(text).toMatch(/Charged\s+5 credits/);
    expect(text).toMatch(/Left\s+1095 credits/);
    const link = /(http\S+\/v1\/links\S+)/.exec(text)?.[1] ?? '';
    const path = link.replace('http://localhost:3000', '');
    const file = await fetch(`${house.url}${path}`);
    expect(file.status).toBe(200);
    expect(Buffer.from(await file.arrayBuffer()).length).toBeGreaterThan(0);
  });

  it('carries a description as text and an animation as one that moves', async () => {
    const frames = await Promise.all(
      ['#ff0000', '#00ff00'].map((background) =>
        sharp({ create: { width: 480, height: 480, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const turntable = await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer();
    const owner = await jobs.owner();
    await jobs.finish(owner, {
      outputs: [
        { name: 'description', content: 'A cup of <b>coffee</b> on a table.' },
        { name: 'turntable', content: turntable },
      ],
    });
    const [mail] = await arrived(owner.email);
    expect(mail?.body.text).toContain('A cup of <b>coffee</b> on a table.');
    expect(mail?.body.html).toContain('A cup of &lt;b&gt;coffee&lt;/b&gt; on a table.');
    expect(mail?.attachments).toMatchObject([{ contentType: 'image/gif' }]);
    const animation = Buffer.from(mail?.attachments[0]?.content ?? '', 'base64');
    expect((await sharp(animation).metadata()).pages).toBe(2);
  });

  it('shows the preview of a 3D model and links to the model', async () => {
    const scene = new Document();
    scene.createScene();
    const model = Buffer.from(await new NodeIO().writeBinary(scene));
    const owner = await jobs.owner();
    await jobs.finish(owner, {
      title: '3D model',
      parameters: {},
      outputs: [
        { name: 'model', content: model },
        { name: 'preview', content: image },
      ],
    });
    const [mail] = await arrived(owner.email);
    expect(mail?.subject).toBe('Your result is ready: 3D model');
    expect(mail?.attachments).toMatchObject([{ contentType: 'image/jpeg' }]);
    const links = [...(mail?.body.html ?? '').matchAll(/href="(http\S+\/v1\/links\S+?)"/g)];
    const paths = links.map(([, link = '']) => new URL(link.replaceAll('&amp;', '&')));
    expect(paths).toHaveLength(2);
    const { pathname = '', search = '' } = paths[0] ?? {};
    const file = await fetch(`${house.url}${pathname}${search}`);
    expect(file.headers.get('content-type')).toBe('model/gltf-binary');
    expect(Buffer.from(await file.arrayBuffer())).toEqual(model);
  });

  it('goes out only as the person wishes', async () => {
    const people = house.app.get(People, { strict: false });
    const quiet = await jobs.owner();
    await people.change(quiet.id, { resultMails: 'none' });
    const keen = await jobs.owner();
    const glad = await jobs.owner();
    await people.change(glad.id, { resultMails: 'success' });
    const error = { code: 'comfy.subject_not_found', message: 'No product was found.' };
    await jobs.finish(quiet, { outputs: [{ name: 'description', content: 'x' }] });
    await jobs.finish(glad, { error });
    await jobs.finish(keen, { error });
    const [mail] = await arrived(keen.email);
    expect(mail?.subject).toBe('Product background did not succeed');
    expect(mail?.body.text).toContain('No product was found.');
    await pause(300);
    expect([...(await mailbox(quiet.email)), ...(await mailbox(glad.email))]).toEqual([]);
  });

  it('follows its owner to a new address and never reaches the old one', async () => {
    const owner = await jobs.owner();
    hold();
    const id = await jobs.finish(owner, { outputs: [{ name: 'image', content: image }] });
    const moved = `${randomUUID()}@example.com`;
    await house.database.query('UPDATE users SET email = $2 WHERE id = $1', [owner.id, moved]);
    release();
    expect(await arrived(moved)).toHaveLength(1);
    expect(await mailbox(owner.email)).toEqual([]);
    expect(await settled(id)).toEqual([{ status: 'sent', recipient: moved }]);
  });

  it('does not go out for a person who is erased meanwhile, and keeps no address', async () => {
    const owner = await jobs.owner();
    const token = await logIn(owner);
    hold();
    const id = await jobs.finish(owner, { outputs: [{ name: 'description', content: 'x' }] });
    await eventually(async () =>
      house.database.one('SELECT id FROM emails WHERE job_id = $1', [id]),
    );
    const erased = await house.call('DELETE /v1/me', {
      token,
      body: { password: 'a cup of coffee at 7' },
    });
    expect(erased.status).toBe(204);
    release();
    await eventually(async () => {
      const [row] = await settled(id);
      return row?.status === 'undeliverable' && row.recipient.endsWith('@erased.invalid');
    });
    await pause(300);
    expect(await mailbox(owner.email)).toEqual([]);
  });

  it('is not sent once its results are deleted', async () => {
    const owner = await jobs.owner();
    hold();
    const id = await jobs.finish(owner, { outputs: [{ name: 'image', content: image }] });
    const files = await house.database.query<{ id: string }>(
      'SELECT file_id AS id FROM job_outputs WHERE job_id = $1',
      [id],
    );
    await house.app.get(Files, { strict: false }).delete(owner.id, files[0]?.id ?? '');
    release();
    expect(await settled(id)).toMatchObject([{ status: 'undeliverable' }]);
  });
});

describe('POST /v1/jobs/{id}/emails', () => {
  const outputs = [
    { name: 'description', content: 'A cup.' },
    { name: 'note', content: 'Hot.' },
  ];

  it('sends chosen outputs and a message to others, each in a mail of their own', async () => {
    const owner = await jobs.owner();
    const token = await logIn(owner);
    const id = await jobs.finish(owner, { outputs }, { isAnnounced: false });
    const [one, two] = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`];
    const answer = await house.call(`POST /v1/jobs/${id}/emails`, {
      token,
      body: {
        to: [{ address: one.toUpperCase(), name: 'Grace' }, { address: two }],
        outputs: ['note'],
        message: 'Look!\nNice?',
      },
    });
    expect(answer).toMatchObject({
      status: 202,
      body: { items: [{ status: 'queued', attempts: 0 }, { status: 'queued' }] },
    });
    const [[first], [second]] = [await arrived(one), await arrived(two)];
    for (const mail of [first, second]) {
      expect(mail?.subject).toBe('Ada sent you a result');
      expect(mail?.body.text).toContain('> Look!\n> Nice?');
      expect(mail?.body.text).toContain('Hot.');
      expect(mail?.body.text).not.toContain('A cup.');
      expect(mail?.body.text).not.toMatch(/credits|on white marble/);
    }
    expect(JSON.stringify(first)).not.toContain(two);
    await settled(id);
    const list = await house.call(`GET /v1/jobs/${id}/emails`, { token });
    expect(list.body['items']).toMatchObject([
      { to: expect.stringMatching('@'), status: 'sent', attempts: 1, sentAt: expect.any(String) },
      { status: 'sent' },
    ]);
  });

  it('goes to the owner by default, once per Idempotency-Key', async () => {
    const owner = await jobs.owner();
    const token = await logIn(owner);
    const id = await jobs.finish(owner, { outputs }, { isAnnounced: false });
    const send = (key: string) =>
      house.call(`POST /v1/jobs/${id}/emails`, { token, headers: { 'Idempotency-Key': key } });
    const first = await send('a');
    const again = await send('a');
    expect([first.status, again.status]).toEqual([202, 202]);
    const idOf = (answer: typeof first) => (answer.body['items'] as { id: string }[])[0]?.id;
    expect(idOf(again)).toBe(idOf(first));
    expect(idOf(await send('b'))).not.toBe(idOf(first));
    expect(await arrived(owner.email, 2)).toHaveLength(2);
  });

  it('refuses what it cannot send', async () => {
    const owner = await jobs.owner();
    const token = await logIn(owner);
    const stranger = await logIn(await jobs.owner());
    const done = await jobs.finish(owner, { outputs }, { isAnnounced: false });
    const failed = await jobs.finish(owner, { error: { code: 'x.y', message: 'z' } });
    const send = (id: string, body: unknown, as = token) =>
      house.call(`POST /v1/jobs/${id}/emails`, { token: as, body });
    expect(await send(failed, {})).toMatchObject({
      status: 409,
      body: { code: 'mail.job_not_succeeded' },
    });
    expect((await send(done, {}, stranger)).body).toMatchObject({ code: 'jobs.not_found' });
    expect((await house.call(`GET /v1/jobs/${done}/emails`, { token: stranger })).status).toBe(404);
    for (const body of [
      { outputs: ['image'] },
      { to: [] },
      { to: [{ address: 'a@b.example\r\nBcc: c@d.example' }] },
      { to: [{ address: 'a@b.example, c@d.example' }] },
      { message: 'x'.repeat(1_001) },
      { bcc: 'x@y.example' },
    ]) {
      expect((await send(done, body)).body).toMatchObject({ code: 'http.validation_failed' });
    }
  });

  it('stops at the day’s limit, also for parallel requests', async () => {
    const owner = await jobs.owner();
    const token = await logIn(owner);
    const id = await jobs.finish(owner, { outputs }, { isAnnounced: false });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => house.call(`POST /v1/jobs/${id}/emails`, { token })),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(4);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body['code']).toBe('mail.daily_limit');
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(86_000);
    expect(refused?.headers.get('ratelimit-policy')).toBe('"mails";q=4;w=86400');
  });
});
