import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startPostgres, type RunningPostgres } from '../../../src/embedded/postgres.js';
import { Customer, House, until } from '../../support/house.js';
import { migrateTemplate } from '../../support/template.js';

const SETTINGS = { fsync: 'off', wal_level: 'replica', max_connections: '100' };
const JOBS = 6;

let folder: string;
let postgres: RunningPostgres | undefined;
let house: House | undefined;

const at = (...names: string[]): string => path.join(folder, ...names);
const copy = (from: string, to: string): void => {
  const { status, stderr } = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' });
  // Files of a database that works may vanish while they are copied.
  if (status !== 0 && !/No such file/.test(stderr)) throw new Error(stderr);
};

const startIn = async (name: string): Promise<void> => {
  postgres = await startPostgres({
    folder: at(name, 'postgres'),
    logFile: at(`${name}.log`),
    settings: SETTINGS,
  });
};
const startHouse = async (name: string): Promise<House> => {
  house = await House.start({
    databaseUrl: postgres?.url() ?? '',
    gpuMs: 400,
    environment: { STORAGE_URL: pathToFileURL(at(name, 'files')).href },
  });
  return house;
};
const stopAll = async (): Promise<void> => {
  await house?.stop();
  await postgres?.stop();
  house = postgres = undefined;
};

/** PostgreSQL's own online backup of the whole cluster, then the files. */
const backUp = async (url: string): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`SELECT pg_backup_start('nightly', true)`);
  copy(at('original', 'postgres'), at('backup', 'postgres'));
  const { rows } = await client.query<{ labelfile: string }>(
    'SELECT labelfile FROM pg_backup_stop(false)',
  );
  await client.end();
  const cluster = readdirSync(at('backup', 'postgres')).find((name) =>
    existsSync(at('backup', 'postgres', name, 'PG_VERSION')),
  );
  if (!cluster) throw new Error('The copy has no cluster.');
  const data = (side: string, ...names: string[]) => at(side, 'postgres', cluster, ...names);
  rmSync(data('backup', 'pg_wal'), { recursive: true });
  copy(data('original', 'pg_wal'), data('backup', 'pg_wal'));
  rmSync(data('backup', 'postmaster.pid'), { force: true });
  writeFileSync(data('backup', 'backup_label'), rows[0]?.labelfile ?? '');
  copy(at('original', 'files'), at('backup', 'files'));
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-restore-'));
  spawnSync('mkdir', ['-p', at('original'), at('backup')]);
  await startIn('original');
  await migrateTemplate(postgres?.url() ?? '');
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

it('a backup that is taken in the middle of work is restored with every job, file and credit', async () => {
  const first = await startHouse('original');
  const customer = await first.customer();
  const { available } = await customer.credits();
  const ids: string[] = [];
  for (let n = 0; n < JOBS; n += 1) ids.push((await customer.order({ seed: n })).id);
  await customer.ended(ids[0] ?? '', 60_000);
  await backUp(postgres?.url('postgres') ?? '');
  // What happens from here on is lost, as after a disaster.
  await customer.order({ seed: 99 });
  await stopAll();

  spawnSync('mv', [at('original'), at('lost')]);
  await startIn('backup');
  const second = await startHouse('backup');
  const again = new Customer(second, customer.id, customer.token, customer.email);
  const open = async () =>
    (await second.database.query<{ id: string }>(`SELECT id FROM jobs WHERE status <> 'succeeded'`))
      .length;
  await until(async () => (await open()) === 0, 90_000);

  const jobs = await second.database.query<{ id: string }>('SELECT id FROM jobs');
  expect(jobs.map(({ id }) => id).sort()).toEqual([...ids].sort());
  expect(await second.faultsInLedger()).toEqual([]);
  expect(await again.credits()).toEqual({ available: available - 5 * JOBS, reserved: 0 });
  const files = await second.database.query<{ id: string; sha256: string }>(
    `SELECT id, sha256 FROM files WHERE status = 'stored'`,
  );
  expect(files.length).toBeGreaterThan(JOBS);
  for (const { id, sha256 } of files) {
    const bytes = Buffer.from(await (await again.fetch(`/v1/files/${id}/content`)).arrayBuffer());
    expect([id, createHash('sha256').update(bytes).digest('hex')]).toEqual([id, sha256]);
  }
});
