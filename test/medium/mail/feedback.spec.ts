import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  SendMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { arrived, eventually, mailbox } from '../../support/mailer.js';
import { startSesProxy, type SesProxy } from '../../support/ses-proxy.js';
import { FinishedJobs, type Owner } from './finished-jobs.js';
import { startMailHouse, type MailHouse } from './mail-house.js';
import { MailOrders } from './mail-orders.js';

let ses: SesProxy;
let sqs: SQSClient;
let queueUrl: string;
let house: MailHouse;
let orders: MailOrders;
let jobs: FinishedJobs;

beforeAll(async () => {
  const options: SQSClientConfig = {
    region: 'us-east-1',
    endpoint: inject('queueEndpoint'),
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  sqs = new SQSClient(options);
  const queue = await sqs.send(new CreateQueueCommand({ QueueName: `events-${randomUUID()}` }));
  queueUrl = queue.QueueUrl ?? '';
  ses = await startSesProxy(inject('mailboxUrl'));
  house = await startMailHouse({ SES_ENDPOINT: ses.url, SES_EVENTS_QUEUE_URL: queueUrl });
  orders = await MailOrders.of(house.app);
  jobs = new FinishedJobs(house.app);
});
afterAll(async () => {
  await house.close();
  await ses.close();
  sqs.destroy();
});

/** As SES reports through SNS. */
const report = (eventType: string, emailId: string, details: object = {}) => {
  const event = {
    eventType,
    mail: { messageId: `ses-${emailId}`, tags: { email_id: [emailId] } },
    [eventType.toLowerCase()]: details,
  };
  const envelope = { Type: 'Notification', TopicArn: 'arn', Message: JSON.stringify(event) };
  return sqs.send(
    new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(envelope) }),
  );
};

const becomes = (id: string, status: string) =>
  eventually(async () => (await orders.rows([id]))[0]?.status === status);

const sent = async (): Promise<{ id: string; address: string }> => {
  const address = `${randomUUID()}@example.com`;
  const [id = ''] = await orders.place([address]);
  await arrived(address);
  await becomes(id, 'sent');
  return { id, address };
};

const logIn = async ({ email }: Owner): Promise<string> => {
  const body = { email, password: 'a cup of coffee at 7' };
  return String((await house.call('POST /v1/auth/login', { body })).body['accessToken']);
};

const PERMANENT = {
  bounceType: 'Permanent',
  bouncedRecipients: [{ diagnosticCode: '550 no such user' }],
};

describe('events of SES', () => {
  it('tell what became of a mail, doubled and out of order', async () => {
    const { id } = await sent();
    await Promise.all([
      report('Delivery', id),
      report('Send', id),
      report('Delivery', id),
      report('Open', id),
    ]);
    await becomes(id, 'delivered');
  });

  it('stop mails to an address from which one came back, until an admin lifts it', async () => {
    const { id, address } = await sent();
    await report('Bounce', id, PERMANENT);
    await becomes(id, 'bounced');
    const [second = ''] = await orders.place([address.toUpperCase()]);
    await becomes(second, 'suppressed');
    expect(await mailbox(address)).toHaveLength(1);

    const admin = await jobs.owner();
    await house.database.query(`UPDATE users SET role = 'admin' WHERE id = $1`, [admin.id]);
    const token = await logIn(admin);
    const list = await house.call('GET /v1/admin/suppressed-addresses', { token });
    expect(list.body['items']).toContainEqual(
      expect.objectContaining({ address, reason: 'bounce', detail: '550 no such user' }),
    );
    const lifted = await house.call(`DELETE /v1/admin/suppressed-addresses/${address}`, { token });
    expect(lifted.status).toBe(204);
    const replayed = await house.call(`POST /v1/admin/emails/${second}/replay`, { token });
    expect(replayed).toMatchObject({ status: 200, body: { status: 'queued', attempts: 0 } });
    await becomes(second, 'sent');
    const again = await house.call(`POST /v1/admin/emails/${second}/replay`, { token });
    expect(again).toMatchObject({ status: 409, body: { code: 'mail.already_ended' } });
    const mails = await house.call(`GET /v1/admin/emails?status=bounced&limit=1`, { token });
    expect(mails.body['items']).toMatchObject([{ id, status: 'bounced' }]);
    expect(
      (await house.call('GET /v1/admin/emails', { token: await logIn(await jobs.owner()) })).status,
    ).toBe(403);
  });

  it('keep results from a reader who complained, not the mails about their own account', async () => {
    const owner = await jobs.owner();
    const [id = ''] = await orders.place([owner.email]);
    await becomes(id, 'sent');
    await report('Complaint', id, { complaintFeedbackType: 'abuse' });
    await becomes(id, 'complained');
    await jobs.finish(owner, { outputs: [{ name: 'description', content: 'A cup.' }] });
    const [row] = await eventually(async () => {
      const rows = await house.database.query<{ status: string }>(
        `SELECT status FROM emails WHERE recipient = $1 AND kind = 'job-succeeded' AND status <> 'queued'`,
        [owner.email],
      );
      return rows.length > 0 && rows;
    });
    expect(row?.status).toBe('suppressed');
    await orders.place([owner.email]);
    expect(await arrived(owner.email, 2)).toHaveLength(2);
  });

  it('settle a request whose answer was lost: one mail', async () => {
    ses.plan = (call) =>
      call === ses.calls.length - 1 ? { kind: 'lose-answer' } : { kind: 'none' };
    const address = `${randomUUID()}@example.com`;
    const [id = ''] = await orders.place([address]);
    await eventually(async () => (await orders.rows([id]))[0]?.attempts === 1);
    ses.plan = () => ({ kind: 'none' });
    await report('Send', id);
    await becomes(id, 'sent');
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await mailbox(address)).toHaveLength(1);
    expect((await orders.rows([id]))[0]).toMatchObject({ possibleCopies: 0 });
  });
});
