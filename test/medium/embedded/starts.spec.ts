import { mkdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { SendRawEmailCommand, SESClient } from '@aws-sdk/client-ses';
import { describe, expect, it } from 'vitest';
import {
  freshFolder,
  listeningAddresses,
  processesOf,
  query,
  startProcess,
  startServices,
} from './starter.js';

const isRoot = process.getuid?.() === 0;
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const region = 'us-east-1';

async function sendMail(endpoint: string, subject: string): Promise<void> {
  const raw = `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${subject}\r\n\r\nHello`;
  const ses = new SESClient({ endpoint, region, credentials });
  await ses.send(new SendRawEmailCommand({ RawMessage: { Data: Buffer.from(raw) } }));
}

async function subjects(mailbox: string): Promise<string[]> {
  const store = (await (await fetch(`${mailbox}/store`)).json()) as {
    emails: { subject: string }[];
  };
  return store.emails.map(({ subject }) => subject);
}

describe('a start after a start', () => {
  it('finds the rows, messages, mails, secrets and addresses of the first', async () => {
    const dataDir = path.join(await freshFolder(), 'x'.repeat(150), 'data dir');
    const first = await startServices({ dataDir });
    const { DATABASE_URL, SQS_ENDPOINT, SQS_QUEUE_URL, SES_ENDPOINT } = first.environment;
    await query(DATABASE_URL!, 'CREATE TABLE kept AS SELECT 1 AS id');
    const sqs = new SQSClient({ endpoint: SQS_ENDPOINT!, region, credentials });
    await sqs.send(new SendMessageCommand({ QueueUrl: SQS_QUEUE_URL!, MessageBody: 'kept' }));
    await sendMail(SES_ENDPOINT!, 'first');
    await first.kill('SIGINT');
    expect(processesOf(dataDir)).toEqual([]);

    const second = await startServices({ dataDir });
    expect(await query(second.environment['DATABASE_URL']!, 'SELECT id FROM kept')).toHaveLength(1);
    expect(second.environment['SQS_QUEUE_URL']).toBe(SQS_QUEUE_URL);
    expect(second.environment['COMFYUI_URLS']).toBe(first.environment['COMFYUI_URLS']);
    const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl: SQS_QUEUE_URL! }));
    expect(received.Messages).toMatchObject([{ Body: 'kept' }]);
    await sendMail(second.environment['SES_ENDPOINT']!, 'second');
    expect(await subjects(second.environment['MAILBOX_URL']!)).toEqual(['first', 'second']);
    expect(second.secrets).toEqual(first.secrets);
  });

  it('keeps secrets from other users of the machine', async () => {
    const dataDir = path.join(await freshFolder(), 'data');
    const { environment, secrets } = await startServices({ dataDir, services: ['postgres'] });
    expect(new Set(Object.values(secrets)).size).toBe(4);
    const file = path.join(dataDir, 'secrets.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(secrets);
    const url = new URL(environment['DATABASE_URL']!);
    url.password = 'guessed';
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/password/);
  });
});

describe('what is started', () => {
  it('listens on 127.0.0.1 alone', async () => {
    const { pids } = await startServices({ dataDir: await freshFolder() });
    const addresses = Object.values(pids).flatMap(listeningAddresses);
    expect(addresses).toHaveLength(4);
    expect(new Set(addresses)).toEqual(new Set(['0100007F']));
  });

  it('shares the machine with a copy in another folder', async () => {
    const [one, other] = await Promise.all([
      startServices({ dataDir: await freshFolder() }),
      startServices({ dataDir: await freshFolder() }),
    ]);
    await sendMail(one.environment['SES_ENDPOINT']!, 'for one');
    expect(await subjects(one.environment['MAILBOX_URL']!)).toEqual(['for one']);
    expect(await subjects(other.environment['MAILBOX_URL']!)).toEqual([]);
  });

  it.runIf(isRoot)('runs for root in a folder that only root may enter', async () => {
    const closed = path.join(await freshFolder(), 'closed');
    await mkdir(closed, { mode: 0o700 });
    const { environment } = await startServices({ dataDir: path.join(closed, 'data') });
    expect(await query(environment['DATABASE_URL']!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a start that cannot be', () => {
  it('is refused with one sentence while another copy has the data directory', async () => {
    const dataDir = await freshFolder();
    const starters = [startProcess({ dataDir }), startProcess({ dataDir })];
    const lines = await Promise.all(starters.map((starter) => starter.line()));
    const refused = lines.filter((line) => line.refused);
    expect(refused).toEqual([
      {
        refused: 'DataDirInUse',
        message: `The data directory ${dataDir} is in use by another running copy: stop that one, or set DATA_DIR to another folder.`,
      },
    ]);
    expect(lines.filter((line) => line.environment)).toHaveLength(1);
  });

  it('names the mailbox port that is taken, and leaves nothing running', async () => {
    const dataDir = await freshFolder();
    const taken = createServer();
    const mailboxPort = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    const starter = startProcess({ dataDir, mailboxPort });
    expect(await starter.line()).toEqual({
      refused: 'EmbeddedError',
      message: `MAILBOX_PORT ${mailboxPort} is already in use on 127.0.0.1.`,
    });
    expect(await starter.exited).toBe(1);
    expect(processesOf(dataDir)).toEqual([]);
    taken.close();
    const { environment } = await startServices({ dataDir, mailboxPort, services: ['ses'] });
    expect(environment['MAILBOX_URL']).toBe(`http://127.0.0.1:${mailboxPort}`);
  });
});
