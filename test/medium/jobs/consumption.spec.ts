import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobConsumption } from '../../../src/jobs/job-consumption.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api',
    sandboxes: 0,
  });
  await house.database.query(
    `INSERT INTO instances (id, url, state, state_since, workflows, ever_workflows)
     VALUES ('gpu', 'http://gpu', 'ready', now() - interval '1 hour', '{product-backgrounds}', '{product-backgrounds}')`,
  );
  customer = await house.customer();
});
afterAll(() => house.stop());

const check = () => house.app.get(JobConsumption, { strict: false }).check();

const gpu = (fields: string) => house.database.query(`UPDATE instances SET ${fields}`);

it('is unhealthy while jobs wait that nothing consumes, and only then', async () => {
  const { id } = await customer.order();
  const { id: other } = await customer.order();
  expect(await check()).toEqual({ ok: true });

  await house.database.query(`UPDATE jobs SET available_at = now() - interval '2 minutes'`);
  const unconsumed = await check();
  expect(unconsumed).toMatchObject({ ok: false });
  expect(unconsumed.detail).toMatch(/jobs wait \(2\) since 12\d s and no worker is running/);
  const ready = await fetch(`${house.url}/health/ready`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({
    checks: { jobs: { ok: false }, database: { ok: true } },
  });
  expect((await fetch(`${house.url}/health/live`)).status).toBe(200);

  // Driven by a worker whose lane is stuck.
  await gpu(`owner = 'worker', lease_until = now() + interval '1 hour'`);
  expect((await check()).detail).toMatch(/gpu takes none/);

  // Away: the jobs wait for it by design.
  await gpu(`state = 'down'`);
  expect(await check()).toEqual({ ok: true });

  // Busy with one of them.
  await gpu(`state = 'ready'`);
  await house.database.query(
    `UPDATE jobs SET lease_owner = 'worker', lease_until = now() + interval '1 hour', instance_id = 'gpu'
     WHERE id = $1`,
    [other],
  );
  expect(await check()).toEqual({ ok: true });
  expect((await customer.job(id)).queue?.position).toBe(1);
});
