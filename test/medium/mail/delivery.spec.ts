import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { TEST_KEYS } from '../../support/config.js';
import { arrived, eventually, mailbox } from '../../support/mailer.js';
import { startSesProxy, type SesProxy } from '../../support/ses-proxy.js';
import { startMailHouse, type MailHouse } from './mail-house.js';
import { MailOrders, type MailRow } from './mail-orders.js';

const RATE = 80;

let ses: SesProxy;
let house: MailHouse;
let orders: MailOrders;
let sqs: SQSClient;

beforeAll(async () => {
  ses = await startSesProxy(inject('mailboxUrl'));
  house = await startMailHouse({ SES_ENDPOINT: ses.url, MAIL_RATE: String(RATE) });
  orders = await MailOrders.of(house.app);
  sqs = new SQSClient({
    region: 'us-east-1',
    endpoint: inject('queueEndpoint'),
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
});
afterAll(async () => {
  await house.close();
  await ses.close();
  sqs.destroy();
});
beforeEach(() => {
  ses.plan = () => ({ kind: 'none' });
  ses.calls.length = 0;
});

const message = (emailId: string) =>
  sqs.send(
    new SendMessageCommand({
      QueueUrl: house.environment['SQS_QUEUE_URL'],
      MessageBody: JSON.stringify({ emailId }),
    }),
  );

const addresses = (count: number): string[] =>
  Array.from({ length: count }, () => `${randomUUID()}@example.com`);

/** What `npm run cli -- …` prints on the installation of the house. */
const command = async (...words: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/cli.mjs', ...words], {
    env: {
      ...process.env,
      COMFYUI_URLS: 'http://127.0.0.1:1',
      ...TEST_KEYS,
      ...house.environment,
    },
  });
  return stdout;
};

const statuses = (rows: readonly MailRow[]): string[] => [
  ...new Set(rows.map((row) => row.status)),
];

describe('delivery', () => {
  it('sends one mail for messages that come three times, shuffled, and again later', async () => {
    const to = addresses(30);
    const ids = await orders.place(to);
    const tripled = [...ids, ...ids, ...ids].sort(() => Math.random() - 0.5);
    await Promise.all(tripled.map(message));
    await orders.settled(ids);
    await Promise.all(ids.map(message));
    await pause(700);
    const counts = await Promise.all(to.map(async (address) => (await mailbox(address)).length));
    expect(counts).toEqual(to.map(() => 1));
    expect(ses.calls).toHaveLength(30);
  });

  it('sends one mail when its message comes again while SES is slow', async () => {
    ses.plan = () => ({ kind: 'slow', ms: 800 });
    const [address = ''] = addresses(1);
    const ids = await orders.place([address]);
    await eventually(() => Promise.resolve(ses.calls.length > 0));
    await Promise.all([...ids, ...ids].map(message));
    await orders.settled(ids);
    await pause(500);
    expect(await mailbox(address)).toHaveLength(1);
  });

  it('delivers everything within the rate while SES throttles half of all calls', async () => {
    ses.plan = (call) => (call % 2 === 0 ? { kind: 'throttle' } : { kind: 'none' });
    const to = addresses(100);
    const rows = await orders.settled(await orders.place(to), 50_000);
    expect(statuses(rows)).toEqual(['sent']);
    expect(rows.every((row) => row.attempts === 1)).toBe(true);
    const [first = 0] = ses.calls;
    const seconds = ((ses.calls.at(-1) ?? 0) - first) / 1_000;
    expect((ses.calls.length - 1) / seconds).toBeLessThanOrEqual(RATE * 1.1);
  });

  it('tries once more after an answer that got lost, and counts the possible copy', async () => {
    ses.plan = (call) => (call === 0 ? { kind: 'lose-answer' } : { kind: 'none' });
    const [address = ''] = addresses(1);
    const [row] = await orders.settled(await orders.place([address]));
    expect(row).toMatchObject({ status: 'sent', attempts: 2, possibleCopies: 1 });
    const [first = 0, second = 0] = ses.calls;
    expect(second - first).toBeGreaterThan(1_500);
    expect(await mailbox(address)).toHaveLength(2);
  });

  it('ends a mail that SES refuses for good', async () => {
    ses.plan = () => ({ kind: 'refuse', code: 'MessageRejected' });
    const [row] = await orders.settled(await orders.place(addresses(1)));
    expect(row).toMatchObject({ status: 'undeliverable', attempts: 1 });
    expect(ses.calls).toHaveLength(1);
  });

  it('gives up after five failures', async () => {
    ses.plan = () => ({ kind: 'refuse', code: 'MailFromDomainNotVerified' });
    const ids = await orders.place(addresses(1));
    await orders.hurry(ids, async () => (await orders.rows(ids))[0]?.status === 'dead');
    expect((await orders.rows(ids))[0]).toMatchObject({ status: 'dead', attempts: 5 });
    expect(ses.calls).toHaveLength(5);
    const metrics = await (await fetch(`${house.url}/metrics`)).text();
    expect(metrics).toMatch(/mails_total\{kind="password-changed",status="dead"\} 1/);

    ses.plan = () => ({ kind: 'none' });
    expect(await command('mail', 'replay', '--dead')).toBe('1 mail is on its way again.\n');
    expect(await orders.settled(ids)).toMatchObject([{ status: 'sent', attempts: 1 }]);
  });

  it('leaves a message that names no mail to the dead letters and goes on', async () => {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: house.environment['SQS_QUEUE_URL'],
        MessageBody: '{"emailId":"not an id"}',
      }),
    );
    const QueueUrl = house.environment['SQS_QUEUE_URL'];
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['RedrivePolicy'] }),
    );
    expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}')).toEqual({
      deadLetterTargetArn: expect.stringMatching(/:mail-[\w-]+-dead-letters$/),
      maxReceiveCount: '5',
    });
    const [address = ''] = addresses(1);
    await orders.place([address]);
    expect(await arrived(address)).toHaveLength(1);
  });
});
