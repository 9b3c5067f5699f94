import { randomUUID } from 'node:crypto';
import { afterAll, expect, it } from 'vitest';
import { SqsClients } from '../../../src/mail/queue/sqs-clients.js';
import { mailbox } from '../../support/mailer.js';
import { startMailHouse } from './mail-house.js';
import { MailOrders } from './mail-orders.js';

/** Messages are hidden for 6 s at a time, and the turns of ten mails take 9 s. */
const house = await startMailHouse({ MAIL_RATE: '1', MAIL_RETRY_SECONDS: '30' });
afterAll(() => house.close());

it('keeps messages hidden for as long as their mails are in hand', async () => {
  const calls: string[] = [];
  const { receiving } = house.app.get(SqsClients, { strict: false });
  receiving.middlewareStack.add((next, { commandName = '' }) => (call) => {
    calls.push(commandName);
    return next(call);
  });
  const orders = await MailOrders.of(house.app);
  const to = Array.from({ length: 10 }, () => `${randomUUID()}@example.com`);
  const rows = await orders.settled(await orders.place(to));
  expect(rows.map(({ status, attempts }) => [status, attempts])).toEqual(to.map(() => ['sent', 1]));
  expect(calls).toContain('ChangeMessageVisibilityBatchCommand');
  for (const address of to) expect(await mailbox(address)).toHaveLength(1);
});
