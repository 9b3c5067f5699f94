import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { root } from './support/child.ts';
import { startComfy } from './support/direct-comfy.ts';
import { figure, type Figure } from './support/figure.ts';
import { Client, startProduct, withFolder } from './support/product.ts';

const WARM_JOBS = 20;
const JOBS = 200;
const PATIENCE_MS = 1_200_000;
const SETTLE_MS = 5_000;

/** What one finished job leaves in each store, in bytes. */
interface Cost {
  readonly tables: Map<string, number>;
  readonly files: number;
  readonly log: number;
}

const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);

/** Live bytes of each table with its indexes and large values, in every schema of ours. */
const tablesOf = async (database: pg.Client): Promise<Map<string, number>> => {
  const { rows } = await database.query<{ name: string; bytes: string }>(
    `SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END AS name,
       pg_total_relation_size(c.oid) AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE relkind = 'r' AND nspname IN ('public', 'bullmq')`,
  );
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]));
};

const costOf = async (database: pg.Client, dataDir: string): Promise<Cost> => {
  // Rows that were rewritten on the way are no lasting cost.
  await database.query('VACUUM FULL');
  return {
    tables: await tablesOf(database),
    files: bytesIn(path.join(dataDir, 'files')),
    log: statSync(path.join(dataDir, 'logs', 'server.log')).size,
  };
};

const run = async (client: Client, imageId: string, count: number): Promise<void> => {
  const jobs = [];
  for (let n = 0; n < count; n += 1) {
    jobs.push(await client.order('product-backgrounds', { imageId, prompt: 'on white marble' }));
  }
  await client.settle(
    jobs.map(({ id }) => id),
    PATIENCE_MS,
  );
  await pause(SETTLE_MS);
};

/** What a job costs in PostgreSQL, files, log and write-ahead log; docs/scaling.md has the table. */
export const jobCost = (): Promise<Figure[]> =>
  withFolder(async (folder) => {
    const comfy = await startComfy(folder, { args: ['--gpu-ms=20'] });
    const dataDir = path.join(folder, 'data');
    const product = await startProduct(dataDir, { COMFYUI_URLS: comfy.url });
    const runtime = JSON.parse(readFileSync(path.join(dataDir, 'runtime.json'), 'utf8')) as {
      DATABASE_URL: string;
    };
    const database = new pg.Client({ connectionString: runtime.DATABASE_URL });
    await database.connect();
    try {
      const client = await Client.logIn(product.url);
      const picture = readFileSync(path.join(root, 'samples', 'product-coffee-cup.png'));
      const imageId = await client.upload(new Uint8Array(picture));
      await run(client, imageId, WARM_JOBS);
      const before = await costOf(database, dataDir);
      const walBefore = await database.query<{ lsn: string }>(
        'SELECT pg_current_wal_insert_lsn() AS lsn',
      );
      await run(client, imageId, JOBS);
      const { rows } = await database.query<{ wal: string }>(
        'SELECT pg_current_wal_insert_lsn() - $1::pg_lsn AS wal',
        [walBefore.rows[0]?.lsn],
      );
      const after = await costOf(database, dataDir);
      const per = (bytes: number): number => bytes / JOBS;
      const tables = [...after.tables]
        .map(([name, bytes]) => ({ name, bytes: per(bytes - (before.tables.get(name) ?? 0)) }))
        .filter(({ bytes }) => bytes >= 1)
        .sort((a, b) => b.bytes - a.bytes);
      const sum = tables.reduce((total, { bytes }) => total + bytes, 0);
      return [
        figure('job-cost.postgres', sum, 'bytes/job'),
        ...tables.map(({ name, bytes }) => figure(`job-cost.postgres.${name}`, bytes, 'bytes/job')),
        figure('job-cost.wal', per(Number(rows[0]?.wal)), 'bytes/job'),
        figure('job-cost.files', per(after.files - before.files), 'bytes/job'),
        figure('job-cost.log', per(after.log - before.log), 'bytes/job'),
      ];
    } finally {
      await database.end();
      await product.stop();
      await comfy.stop();
    }
  });
