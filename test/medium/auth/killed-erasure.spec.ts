import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../e2e/support/program.js';
import { StorageUpkeep } from '../../../src/storage/upkeep/storage-upkeep.js';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { WorkerProcess } from '../../support/workers.js';

/** From the request's departure until the kill: inside the transaction, and after it. */
const MOMENTS_MS = [10, 150];
const WORDS = 'on a marble table that nobody else has';

const database = await testDatabase({ from: 'template' });
let house: House;
let api: WorkerProcess | undefined;
let url: string;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url });
  url = `http://127.0.0.1:${await freePort()}`;
});
afterAll(async () => {
  await api?.stop();
  await house.stop();
});

const startApi = async () => {
  api = await WorkerProcess.start(
    { ...house.environment, PORT: new URL(url).port, PUBLIC_URL: 'http://localhost:3000' },
    'api',
  );
};

const call = async (person: Customer, method: string): Promise<number | undefined> => {
  const headers = { authorization: `Bearer ${person.token}` };
  return fetch(`${url}/v1/me`, { method, headers }).then(
    (response) => response.status,
    () => undefined,
  );
};

const rows = <Row extends object>(sql: string, person: Customer) =>
  house.database.query<Row>(sql, [person.id]);

/** In which tables some text of the person's still stands. */
const tablesWith = async (text: string): Promise<string[]> => {
  const tables = await house.database.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`,
  );
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const sql = `SELECT 1 FROM ${name} t WHERE strpos(t::text, $1) > 0 LIMIT 1`;
      return (await house.database.query(sql, [text])).length > 0 ? [name] : [];
    }),
  );
  return found.flat();
};

it('ends an erasure that kill -9 cut, with all jobs ended, nothing personal left, every credit in place', async () => {
  const files = path.join(house.environment['DATA_DIR'] ?? '', 'files');
  for (const moment of MOMENTS_MS) {
    await startApi();
    const person = await house.customer();
    // The first request of a process compiles what the others would wait for.
    await call(person, 'GET');
    // Held until the person is gone, however long the next process takes to start.
    await house.fault({ kind: 'hang', node: 'KSamplerAdvanced' });
    const first = await person.order({ prompt: WORDS });
    const others = [await person.order({ prompt: WORDS }), await person.order({ prompt: WORDS })];
    await person.reaches(first.id, (job) => job.status === 'running');
    const answer = call(person, 'DELETE');
    await sleep(moment);
    await api?.signal('SIGKILL');
    await answer;
    await startApi();
    // All or nothing: whoever got no answer may ask again, and is answered as one who is gone.
    expect([204, 401]).toContain(await call(person, 'DELETE'));
    expect(await call(person, 'GET')).toBe(401);
    await house.clearFaults();

    await until(async () => {
      const open = await rows(
        'SELECT 1 FROM jobs WHERE user_id = $1 AND finished_at IS NULL',
        person,
      );
      return open.length === 0;
    });
    await until(async () => {
      const left = await rows(
        `SELECT 1 FROM files WHERE user_id = $1 AND status <> 'deleted'
         UNION ALL SELECT 1 FROM outbox WHERE topic = 'auth.erasure-requested' AND payload->>'personId' = $1::text`,
        person,
      );
      return left.length === 0;
    });
    for (const text of [person.email, WORDS]) expect(await tablesWith(text), text).toEqual([]);
    const entries = await rows<{ job: string; types: string[] }>(
      `SELECT job_id AS job, array_agg(type::text ORDER BY sequence) AS types FROM credit_entries
       WHERE user_id = $1 AND job_id IS NOT NULL GROUP BY job_id`,
      person,
    );
    expect(new Set(entries.map((entry) => entry.job))).toEqual(
      new Set([first, ...others].map((job) => job.id)),
    );
    for (const { types } of entries) expect(types).toEqual(['reserve', 'release']);
    expect(await house.faultsInLedger()).toEqual([]);
    await house.app.get(StorageUpkeep).sweep();
    const stored = await readdir(files, { recursive: true }).catch(() => []);
    expect(stored.filter((name) => name.includes(person.imageId))).toEqual([]);
    await api?.stop();
  }
});
