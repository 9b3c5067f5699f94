/**
 * Mails per second of one mailer against the stand-ins, from the outbox to the record, beside a bare
 * loop that only calls SES with mails of the same size and the same parallelism.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import 'reflect-metadata';
import { SendRawEmailCommand, SESClient } from '@aws-sdk/client-ses';
import { createApplication } from '../dist/application.js';
import { Config } from '../dist/config/index.js';
import { startEmbedded } from '../dist/embedded/index.js';
import { Database } from '../dist/platform/index.js';
import { figure } from './support/figure.ts';

const COUNT = 500;
const PARALLEL = 10;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const prepare = async (database) => {
  const [user] = await database.query(
    `INSERT INTO users (email, name, role, email_verified_at)
     VALUES ('bench@example.com', 'Bench', 'user', now()) RETURNING id`,
  );
  return async (count) => {
    await database.query(
      `WITH ordered AS (
         INSERT INTO emails (event_id, kind, user_id, recipient, recipient_name)
         SELECT gen_random_uuid(), 'password-changed', $1, 'bench-' || n || '@example.com', 'Bench'
         FROM generate_series(1, $2) AS n RETURNING id
       ) INSERT INTO outbox (id, topic, payload)
         SELECT gen_random_uuid(), 'mail.due', jsonb_build_object('emailId', id) FROM ordered`,
      [user.id, count],
    );
    await database.query(`SELECT pg_notify('outbox', 'mail.due')`);
  };
};

const untilSent = async (database) => {
  for (;;) {
    const row = await database.one(`SELECT 1 FROM emails WHERE status = 'queued' LIMIT 1`);
    if (!row) return;
    await pause(20);
  }
};

const mailer = async (database) => {
  const order = await prepare(database);
  await order(20);
  await untilSent(database);
  const begun = performance.now();
  await order(COUNT);
  await untilSent(database);
  return COUNT / ((performance.now() - begun) / 1_000);
};

const newestMail = async (url) => {
  const { emails } = await (await fetch(`${url}/store`)).json();
  return Buffer.byteLength(JSON.stringify(emails.at(-1).body));
};

/** What SES alone allows: the same size and parallelism, and nothing else. */
const bareLoop = async (environment, sizeBytes) => {
  const client = new SESClient({
    region: environment.AWS_REGION,
    endpoint: environment.SES_ENDPOINT,
    maxAttempts: 1,
    credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  });
  const text = 'x'.repeat(76);
  const mime = Buffer.from(
    `From: a@b.example\r\nTo: c@d.example\r\nSubject: bench\r\nContent-Type: text/plain\r\n\r\n` +
      `${text}\r\n`.repeat(Math.ceil(sizeBytes / 78)),
  );
  let left = COUNT;
  const begun = performance.now();
  const loop = async () => {
    while (left-- > 0) {
      await client.send(
        new SendRawEmailCommand({
          Source: 'a@b.example',
          Destinations: ['c@d.example'],
          RawMessage: { Data: mime },
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, loop));
  client.destroy();
  return COUNT / ((performance.now() - begun) / 1_000);
};

export const mail = async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'hom-bench-mail-'));
  const embedded = await startEmbedded({
    dataDir,
    services: ['postgres', 'sqs', 'ses'],
    mailboxPort: 0,
  });
  const environment = {
    NODE_ENV: 'test',
    ROLES: 'mailer',
    PORT: '0',
    LOG_LEVEL: 'error',
    DATA_DIR: dataDir,
    COMFYUI_URLS: 'http://127.0.0.1:1',
    JWT_KEY: randomUUID(),
    LINK_KEY: randomUUID(),
    MAIL_RATE: '1000',
    ...embedded.environment,
  };
  // The renderer's build for production, as an operator's mailer loads it; other measurements start
  // programs that must not see it.
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production';
  try {
    const app = await createApplication(Config.from(environment));
    await app.init();
    const value = await mailer(app.get(Database));
    const sizeBytes = await newestMail(environment.SES_ENDPOINT);
    await app.close();
    const baseline = await bareLoop(environment, sizeBytes);
    return [figure('mail.sent-per-second', value, 'mails/s', { baseline })];
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};
