import { Client } from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../../src/app.module.js';
import { dataSourceOptions, migrate } from '../../../src/platform/index.js';
import { testConfig } from '../../support/config.js';
import { Fleet, FLEET_SETTINGS, FleetCustomer } from '../../support/fleet.js';
import { House } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

/** What a next version may bring, on the busiest table. */
class NextVersion2000000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE jobs ADD COLUMN priority integer NOT NULL DEFAULT 0;
      CREATE INDEX jobs_by_priority ON jobs (priority) WHERE finished_at IS NULL;
    `);
  }

  async down(): Promise<void> {}
}

const database = await testDatabase({ from: 'template' });
let house: House;
let fleet: Fleet;
let person: FleetCustomer;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api',
    environment: { ...FLEET_SETTINGS, RATE_LIMIT_SCALE: '1000' },
  });
  const customer = await house.customer();
  await house.leave();
  // The older version: it knows nothing of the next one's migration, also when it starts again.
  fleet = await Fleet.start(
    { ...house.environment, MIGRATE_ON_START: 'true' },
    { api: 1, worker: 1, mailer: 0 },
  );
  person = new FleetCustomer(fleet.urls, customer);
});
afterAll(async () => {
  await fleet.stop();
  await house.stop();
});

const migrateToNext = async (): Promise<string[]> => {
  const config = testConfig({ DATABASE_URL: database.url });
  const source = await new DataSource(
    dataSourceOptions(config, [...MIGRATIONS, NextVersion2000000000000]),
  ).initialize();
  try {
    return await migrate(source);
  } finally {
    await source.destroy();
  }
};

/** Orders and ends jobs until `work` is over; the statuses in which they ended. */
const shopUntil = async (work: Promise<unknown>): Promise<string[]> => {
  let isOver = false;
  void work.finally(() => (isOver = true)).catch(() => undefined);
  const statuses: string[] = [];
  while (!isOver || statuses.length === 0) {
    statuses.push(await person.ended(await person.order(crypto.randomUUID(), 20), 50));
  }
  return statuses;
};

describe('migrations of a newer version', () => {
  it('wait for a table in use without holding up the older version, and apply once', async () => {
    const reader = new Client({ connectionString: database.url });
    await reader.connect();
    await reader.query('BEGIN; SELECT count(*) FROM jobs');
    // ALTER TABLE jobs must wait for the reader; whoever comes after it would wait behind it.
    const migrating = Promise.all([migrateToNext(), migrateToNext()]);
    const blocked = await shopUntil(new Promise((resolve) => setTimeout(resolve, 4_000)));
    await reader.query('COMMIT');
    await reader.end();
    const free = await shopUntil(migrating);
    const applied = (await migrating).flat();
    expect(applied).toEqual([NextVersion2000000000000.name]);
    expect(new Set([...blocked, ...free])).toEqual(new Set(['succeeded']));
    expect(person.failures).toEqual([]);
  });

  it('leave the older version able to start again and to work', async () => {
    for (const member of fleet.members) {
      expect((await fleet.restart(member)).exitCode).toBe(0);
    }
    expect(await shopUntil(Promise.resolve())).toEqual(['succeeded']);
    expect(person.failures).toEqual([]);
  });
});
