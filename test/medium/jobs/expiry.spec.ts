import { afterAll, beforeAll, expect, it } from 'vitest';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api,worker',
    sandboxes: 0,
    environment: { JOB_MAX_QUEUE_HOURS: '48' },
  });
  await house.addAwayInstance();
  customer = await house.customer();
});
afterAll(() => house.stop());

const ageOf = (id: string, hours: number) =>
  house.database.query(
    `UPDATE jobs SET created_at = created_at - make_interval(hours => $2),
       queue_expires_at = queue_expires_at - make_interval(hours => $2) WHERE id = $1`,
    [id, hours],
  );

const jobOf = (id: string) =>
  customer.json<{
    status: string;
    error: { code: string; retryable: boolean } | null;
    credits: { reserved: number; captured: number };
  }>(`/v1/jobs/${id}`);

it('ends a job that nothing could take in time, gives its credits back and leaves the younger', async () => {
  const before = await customer.credits();
  const [old, young] = [await customer.order(), await customer.order()];
  await ageOf(old.id, 49);
  await ageOf(young.id, 47);
  await until(async () => (await jobOf(old.id)).status === 'failed');

  expect(await jobOf(old.id)).toMatchObject({
    error: { code: 'jobs.expired', retryable: true },
    credits: { reserved: 0, captured: 0 },
  });
  expect((await jobOf(young.id)).status).toBe('queued');
  const price = before.available - (await customer.credits()).available;
  expect(price).toBeGreaterThan(0);
  expect(await customer.credits()).toEqual({
    available: before.available - price,
    reserved: price,
  });
  expect(await house.faultsInLedger()).toEqual([]);
});
