import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { eventually, mailbox } from '../../support/mailer.js';
import { startSqsProxy, type SqsProxy } from '../../support/sqs-proxy.js';
import { startMailHouse, type MailHouse } from './mail-house.js';
import { MailOrders } from './mail-orders.js';

/** Long enough that no row is taken for one whose message got lost. */
const MAIL_RETRY_SECONDS = '30';

let proxies: [SqsProxy, SqsProxy];
let houses: MailHouse[];
let orders: MailOrders;

beforeAll(async () => {
  const start = () => startSqsProxy(inject('queueEndpoint'));
  proxies = [await start(), await start()];
  const first = await startMailHouse({ SQS_ENDPOINT: proxies[0].url, MAIL_RETRY_SECONDS });
  houses = [first];
  orders = await MailOrders.of(first.app);
});
afterAll(async () => {
  for (const house of houses) await house.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});
beforeEach(() => {
  for (const proxy of proxies) proxy.batches.length = 0;
});

const addresses = (count: number): string[] =>
  Array.from({ length: count }, () => `${randomUUID()}@example.com`);

describe('the relay', () => {
  it('sends again what SQS refused of a batch, and nothing else', async () => {
    const [proxy] = proxies;
    const refused = new Set<string>();
    proxy.refuse = (ids, call) => {
      if (call > 0) return [];
      for (const id of ids.slice(2, 5)) refused.add(id);
      return [...refused];
    };
    const to = addresses(10);
    const rows = await orders.settled(await orders.place(to));
    expect(rows.map(({ status }) => status)).toEqual(to.map(() => 'sent'));
    const [first = [], ...later] = proxy.batches;
    expect(first).toHaveLength(10);
    expect(refused.size).toBe(3);
    expect(new Set(later.flat())).toEqual(refused);
    expect(later.flat()).toHaveLength(3);
    for (const address of to) expect(await mailbox(address)).toHaveLength(1);
  });

  it('keeps the order while SQS is away, asks seldom, and goes on with the oldest', async () => {
    const [proxy] = proxies;
    proxy.refuse = () => 'away';
    const ids = await orders.place(addresses(25));
    await eventually(() => Promise.resolve(proxy.batches.length >= 4));
    const away = proxy.batches.splice(0);
    expect(away.length).toBeLessThan(8);
    for (const batch of away) expect(batch).toEqual(ids.slice(0, 10));
    const waiting = await houses[0]?.database.query(
      `SELECT id FROM outbox WHERE topic = 'mail.due' AND attempts = 0 AND available_at <= now()`,
    );
    expect(waiting).toHaveLength(24);
    proxy.refuse = () => [];
    await orders.settled(ids);
    // The last question may have met SQS while it still was away.
    const back = proxy.batches.slice(-3);
    expect(back.flat()).toEqual(ids);
  });

  it('shares the work with a second one without a message sent twice', async () => {
    const [first] = houses;
    houses.push(
      await startMailHouse({
        ROLES: 'mailer',
        DATABASE_URL: first?.databaseUrl ?? '',
        SQS_QUEUE_URL: first?.environment['SQS_QUEUE_URL'] ?? '',
        SQS_ENDPOINT: proxies[1].url,
        MAIL_RETRY_SECONDS,
      }),
    );
    const ids = (
      await Promise.all(Array.from({ length: 6 }, () => orders.place(addresses(20))))
    ).flat();
    await orders.settled(ids);
    const carried = proxies.map(({ batches }) => batches.flat());
    expect(carried.flat().sort()).toEqual(ids.sort());
    expect(carried.filter((part) => part.length > 0)).toHaveLength(2);
  });
});
