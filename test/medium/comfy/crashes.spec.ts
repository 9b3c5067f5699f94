import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { startSandbox } from '../../support/sandbox.js';
import { WorkerProcess } from '../../support/workers.js';

const SEED = Number(process.env['SEED'] ?? 7);
const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

/** A small generator with a printed seed, so that a failing run can be repeated (mulberry32). */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url, roles: 'api', gpuMs: 200 });
  customer = await house.customer();
  // Orders are taken once some worker has seen what the GPU offers.
  const first = await WorkerProcess.start(house.environment);
  await house.untilReady();
  await first.stop();
});
afterAll(() => house.stop());

/** What must be true of jobs that have all ended. `sure`: no ComfyUI crashed, so its log is whole. */
const expectExact = async (ids: readonly string[], { isLogWhole }: { isLogWhole: boolean }) => {
  const jobs = await Promise.all(ids.map((id) => customer.ended(id, 60_000)));
  const rows = await house.database.query<{
    id: string;
    starts: number;
    ends: number;
    prompts: string[];
  }>(
    `SELECT id, starts,
       (SELECT count(*) FROM credit_entries WHERE job_id = jobs.id AND type IN ('capture', 'release')) AS ends,
       ARRAY(SELECT prompt_id::text FROM job_prompts WHERE job_id = jobs.id) AS prompts
     FROM jobs WHERE id = ANY($1::uuid[])`,
    [ids],
  );
  expect(rows.map(({ ends }) => ends)).toEqual(ids.map(() => 1));
  const terminal = await house.database.query<{ count: number }>(
    `SELECT count(*) FROM job_events WHERE job_id = ANY($1::uuid[]) AND type = 'status'
       AND data->>'status' IN ('succeeded', 'failed', 'cancelled') GROUP BY job_id`,
    [ids],
  );
  expect(terminal.map(({ count }) => count)).toEqual(ids.map(() => 1));
  expect(await house.faultsInLedger()).toEqual([]);
  if (isLogWhole) {
    const executions = await house.executions();
    for (const row of rows) {
      const executed = executions.filter((one) => row.prompts.includes(one.prompt_id));
      expect({ id: row.id, executed: executed.length }).toEqual({
        id: row.id,
        executed: row.starts,
      });
    }
  }
  return jobs;
};

describe('kill -9 of a worker', () => {
  it(`ends each job once, adopts what runs and starts nothing twice (seed ${SEED})`, async () => {
    const chance = random(SEED);
    const ids: string[] = [];
    for (let n = 0; n < 16; n += 1) ids.push((await customer.order()).id);
    for (let kill = 0; kill < 4; kill += 1) {
      const worker = await WorkerProcess.start(house.environment);
      await sleep(300 + chance() * 1_500);
      await worker.signal('SIGKILL');
    }
    const last = await WorkerProcess.start(house.environment);
    const jobs = await expectExact(ids, { isLogWhole: true });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    // ComfyUI never lost a prompt, so no job was started twice.
    const starts = await house.database.query<{ starts: number }>(
      'SELECT starts FROM jobs WHERE id = ANY($1::uuid[])',
      [ids],
    );
    expect(starts.map((row) => row.starts)).toEqual(ids.map(() => 1));
    expect(await last.stop()).toBe(0);
  }, 120_000);

  it('hands over without a loss when a worker is stopped as planned', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await customer.order()).id);
    const first = await WorkerProcess.start(house.environment);
    await customer.reaches(ids[0]!, (job) => job.status !== 'queued');
    expect(await first.stop()).toBe(0);
    const second = await WorkerProcess.start(house.environment);
    const jobs = await expectExact(ids, { isLogWhole: true });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    await second.stop();
  }, 60_000);

  it('fences a worker that was asleep for three leases', async () => {
    const ids: string[] = [];
    const sleeper = await WorkerProcess.start(house.environment);
    for (let n = 0; n < 6; n += 1) ids.push((await customer.order()).id);
    await customer.reaches(ids[0]!, (job) => job.status !== 'queued');
    await sleeper.signal('SIGSTOP');
    const other = await WorkerProcess.start(house.environment);
    await sleep(6_000);
    await sleeper.signal('SIGCONT');
    const jobs = await expectExact(ids, { isLogWhole: true });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    await Promise.all([sleeper.stop(), other.stop()]);
  }, 60_000);
});

describe('kill -9 of ComfyUI', () => {
  it('starts again what was lost, with a new prompt id and at most three starts', async () => {
    const worker = await WorkerProcess.start(house.environment);
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await customer.order()).id);
    for (let kill = 0; kill < 2; kill += 1) {
      await sleep(900);
      const port = Number(new URL(house.sandboxes[0]!.url).port);
      await house.sandboxes[0]!.kill();
      await sleep(300);
      house.sandboxes[0] = await startSandbox({ control: true, port, args: ['--gpu-ms', '200'] });
    }
    const jobs = await expectExact(ids, { isLogWhole: false });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    const rows = await house.database.query<{ starts: number }>(
      'SELECT starts FROM jobs WHERE id = ANY($1::uuid[])',
      [ids],
    );
    expect(Math.max(...rows.map((row) => row.starts))).toBeGreaterThan(0);
    expect(Math.max(...rows.map((row) => row.starts))).toBeLessThanOrEqual(3);
    await worker.stop();
  }, 90_000);

  it('fails a job that kills ComfyUI three times, without a charge', async () => {
    const port = Number(new URL(house.sandboxes[0]!.url).port);
    const restart = async () => {
      await house.sandboxes[0]!.kill();
      house.sandboxes[0] = await startSandbox({ control: true, port, args: ['--gpu-ms', '3000'] });
    };
    await restart();
    const worker = await WorkerProcess.start(house.environment);
    const before = await customer.credits();
    const { id } = await customer.order();
    const isInStart = async (start: number) => {
      const row = await house.database.one<{ status: string; starts: number }>(
        'SELECT status, starts FROM jobs WHERE id = $1',
        [id],
      );
      return row!.status === 'running' && row!.starts === start;
    };
    for (let kill = 0; kill < 3; kill += 1) {
      await until(() => isInStart(kill + 1));
      await restart();
    }
    const job = await customer.ended(id);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'jobs.lost' } });
    expect(await customer.credits()).toEqual(before);
    await worker.stop();
  }, 90_000);
});
