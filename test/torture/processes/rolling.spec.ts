import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fleet, FLEET_SETTINGS, FleetCustomer } from '../../support/fleet.js';
import { House } from '../../support/house.js';
import { eventually, mailbox, mailerEnvironment } from '../../support/mailer.js';
import { testDatabase } from '../../support/postgres.js';
import { TestRedis } from '../../support/redis.js';

const PERSONS = 20;
const JOBS_EACH = 15;
const STOP_LIMIT_MS = 10_000;

let redis: TestRedis;
let house: House;
let fleet: Fleet;
let persons: FleetCustomer[];

beforeAll(async () => {
  const database = await testDatabase({ from: 'template' });
  redis = await TestRedis.start();
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api',
    sandboxes: 3,
    gpuMs: 300,
    environment: {
      ...mailerEnvironment(),
      REDIS_URL: redis.url,
      RATE_LIMIT_SCALE: '1000',
      ...FLEET_SETTINGS,
    },
  });
  const customers = [];
  for (let n = 0; n < PERSONS; n += 1) customers.push(await house.customer());
  await house.leave();
  fleet = await Fleet.start(house.environment, { api: 2, worker: 2, mailer: 2 });
  persons = customers.map((customer) => new FleetCustomer(fleet.urls, customer));
});
afterAll(async () => {
  await fleet.stop();
  await house.stop();
  await redis.kill();
});

it('ends 300 jobs of 20 persons once each while all six processes are restarted in turn', async () => {
  let isOver = false;
  const shopping = Promise.all(
    persons.map(async (person) => {
      const ids: string[] = [];
      for (let n = 0; n < JOBS_EACH; n += 1) {
        const id = await person.order(randomUUID());
        expect(await person.ended(id)).toBe('succeeded');
        ids.push(id);
      }
      return ids;
    }),
  ).finally(() => (isOver = true));
  const stops: { exitCode: number | null; stopMs: number }[] = [];
  while (!isOver) {
    for (const member of fleet.members) stops.push(await fleet.restart(member));
  }
  const ids = (await shopping).flat();
  const mails = await eventually(async () => {
    const counts = await Promise.all(
      persons.map(async ({ customer }) => (await mailbox(customer.email)).length),
    );
    return counts.every((count) => count >= JOBS_EACH) && counts;
  });
  await fleet.stop();

  console.log(
    `${stops.length} restarts, slowest stop ${Math.max(...stops.map((stop) => stop.stopMs)).toFixed(0)} ms`,
  );
  expect(persons.flatMap(({ failures }) => failures)).toEqual([]);
  expect(stops.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
  expect(stops.filter(({ stopMs }) => stopMs > STOP_LIMIT_MS)).toEqual([]);
  expect(mails).toEqual(persons.map(() => JOBS_EACH));
  const observer = await House.start({
    databaseUrl: house.environment['DATABASE_URL'] ?? '',
    roles: 'api',
    sandboxes: 0,
  });
  const rows = await observer.database.query<{ starts: number; ends: number }>(
    `SELECT starts, (SELECT count(*) FROM credit_entries
       WHERE job_id = jobs.id AND type IN ('capture', 'release')) AS ends
     FROM jobs WHERE id = ANY($1::uuid[])`,
    [ids],
  );
  const drift = await observer.faultsInLedger();
  await observer.stop();
  expect(rows).toEqual(ids.map(() => ({ starts: 1, ends: 1 })));
  expect(drift).toEqual([]);
  const executions = await Promise.all(house.sandboxes.map((_, index) => house.executions(index)));
  expect(executions.flat()).toHaveLength(ids.length);
});
