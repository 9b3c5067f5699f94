import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { WorkerProcess } from '../../support/workers.js';

const KILLS = 2;
const AT_ONCE = 12;
/** From the requests' departure until the kill: each round meets another moment of a submit. */
const MOMENTS_MS = [8, 30];

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;
let url: string;
let api: WorkerProcess | undefined;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url });
  customer = await house.customer();
  url = `http://127.0.0.1:${await freePort()}`;
});
afterAll(async () => {
  await api?.stop();
  await house.stop();
});

const startApi = async () => {
  const environment = {
    ...house.environment,
    PORT: new URL(url).port,
    // The issuer of the tokens that the other process gave.
    PUBLIC_URL: 'http://localhost:3000',
    RATE_LIMIT_SCALE: '1000',
  };
  api = await WorkerProcess.start(environment, 'api');
};

/** The job's id, or undefined when the answer did not arrive. */
const submit = async (key: string): Promise<string | undefined> => {
  try {
    const response = await fetch(`${url}/v1/comfy/product-backgrounds`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${customer.token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify({ imageId: customer.imageId, prompt: 'on white marble' }),
    });
    // PostgreSQL may need a moment to notice that the killed one has gone.
    if (response.status === 409) return await sleep(200).then(() => submit(key));
    return response.status === 202 ? ((await response.json()) as { id: string }).id : undefined;
  } catch {
    return undefined;
  }
};

it('makes one job and one reservation of each key, whenever the API is killed in a submit', async () => {
  const answered = new Map<string, string>();
  let unanswered = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await startApi();
    // The first request of a process compiles what the others would wait for.
    await submit(`warm-${kill}`);
    const keys = Array.from({ length: AT_ONCE }, (_, n) => `${kill}-${n}`);
    const answers = Promise.all(keys.map(submit));
    await sleep(MOMENTS_MS[kill]);
    await api?.signal('SIGKILL');
    for (const [n, id] of (await answers).entries()) {
      if (id === undefined) unanswered += 1;
      else answered.set(keys[n] ?? '', id);
    }
  }
  expect(unanswered).toBeGreaterThan(0);
  await startApi();
  const keys = Array.from({ length: KILLS }, (_, kill) => [
    `warm-${kill}`,
    ...Array.from({ length: AT_ONCE }, (_, n) => `${kill}-${n}`),
  ]).flat();
  const ids: string[] = [];
  for (const key of keys) {
    const id = await submit(key);
    expect(id).toBeDefined();
    expect(answered.get(key) ?? id).toBe(id);
    ids.push(id ?? '');
  }
  expect(new Set(ids).size).toBe(keys.length);
  const rows = await house.database.query<{ id: string; reserves: number }>(
    `SELECT id, (SELECT count(*)::int FROM credit_entries
       WHERE job_id = jobs.id AND type = 'reserve') AS reserves
     FROM jobs WHERE user_id = $1`,
    [customer.id],
  );
  expect(rows.map(({ id }) => id).sort()).toEqual(ids.sort());
  expect(rows.map(({ reserves }) => reserves)).toEqual(ids.map(() => 1));
  expect(await house.faultsInLedger()).toEqual([]);
});
