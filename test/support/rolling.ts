import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { Fleet, FLEET_SETTINGS, FleetCustomer, type Role } from './fleet.js';
import { House } from './house.js';
import { eventually, mailbox, mailerEnvironment } from './mailer.js';
import { TestRedis } from './redis.js';

const GPU_MS = 300;
const STOP_LIMIT_MS = 10_000;

/**
 * Customers order one job after the other while all processes are restarted in turn, again and
 * again, at least once each. Checks that no request failed in another way than by a refused
 * connection, each stop was graceful, and each job ran, was charged and was mailed exactly once.
 */
export const shopWhileRestarting = async (plan: {
  databaseUrl: string;
  persons: number;
  jobsEach: number;
  gpus: number;
  size: Readonly<Record<Role, number>>;
}): Promise<{ restarts: number; slowestStopMs: number }> => {
  const redis = await TestRedis.start();
  const house = await House.start({
    databaseUrl: plan.databaseUrl,
    roles: 'api',
    sandboxes: plan.gpus,
    environment: {
      ...mailerEnvironment(),
      REDIS_URL: redis.url,
      RATE_LIMIT_SCALE: '1000',
      ...FLEET_SETTINGS,
    },
  });
  let fleet: Fleet | undefined;
  try {
    const customers = await Promise.all(
      Array.from({ length: plan.persons }, () => house.customer()),
    );
    await house.leave();
    fleet = await Fleet.start(house.environment, plan.size);
    const { urls } = fleet;
    const persons = customers.map((customer) => new FleetCustomer(urls, customer));
    const { ids, stops } = await shop(persons, plan.jobsEach, fleet);
    const mails = await eventually(async () => {
      const counts = await Promise.all(
        persons.map(async ({ customer }) => (await mailbox(customer.email)).length),
      );
      return counts.every((count) => count >= plan.jobsEach) && counts;
    });
    await fleet.stop();
    expect(persons.flatMap(({ failures }) => failures)).toEqual([]);
    expect(
      stops.filter(({ exitCode, stopMs }) => exitCode !== 0 || stopMs > STOP_LIMIT_MS),
    ).toEqual([]);
    expect(mails).toEqual(persons.map(() => plan.jobsEach));
    await expectOneOfEach(house, plan.databaseUrl, ids);
    return { restarts: stops.length, slowestStopMs: Math.max(...stops.map((one) => one.stopMs)) };
  } finally {
    await fleet?.stop();
    await house.stop();
    await redis.kill();
  }
};

const shop = async (persons: readonly FleetCustomer[], jobsEach: number, fleet: Fleet) => {
  let isOver = false;
  const shopping = Promise.all(
    persons.map(async (person) => {
      const ids: string[] = [];
      for (let n = 0; n < jobsEach; n += 1) {
        const id = await person.order(randomUUID(), GPU_MS);
        expect(await person.ended(id)).toBe('succeeded');
        ids.push(id);
      }
      return ids;
    }),
  ).finally(() => (isOver = true));
  const stops: { exitCode: number | null; stopMs: number }[] = [];
  do {
    for (const member of fleet.members) stops.push(await fleet.restart(member));
  } while (!isOver);
  return { ids: (await shopping).flat(), stops };
};

const expectOneOfEach = async (
  house: House,
  databaseUrl: string,
  ids: readonly string[],
): Promise<void> => {
  const observer = await House.start({
    databaseUrl,
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
};
