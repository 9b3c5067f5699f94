import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExactEnds, random } from '../../support/exact-ends.js';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { WorkerProcess } from '../../support/workers.js';

const SEED = Number(process.env['SEED'] ?? 7);
const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url, roles: 'api', gpuMs: 200 });
  customer = await house.customer();
  // Orders are taken once some worker has seen what the GPU offers.
  const first = await WorkerProcess.start(house.environment);
  await house.untilReady();
  await first.stop();
});
afterAll(() => house.stop());

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
    const jobs = await expectExactEnds(house, customer, ids, { isComfyKept: true });
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
    const jobs = await expectExactEnds(house, customer, ids, { isComfyKept: true });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    await second.stop();
  }, 60_000);

  it('fences a worker that was asleep for three leases, and lets the adopted prompt go on', async () => {
    const ids: string[] = [];
    await house.fault({ kind: 'slow', node: 'KSamplerAdvanced', ms: 9_000 });
    const sleeper = await WorkerProcess.start(house.environment);
    for (let n = 0; n < 6; n += 1) ids.push((await customer.order()).id);
    await customer.reaches(ids[0]!, (job) => job.status === 'running');
    await sleeper.signal('SIGSTOP');
    const other = await WorkerProcess.start(house.environment);
    await sleep(6_000);
    await sleeper.signal('SIGCONT');
    const jobs = await expectExactEnds(house, customer, ids, { isComfyKept: true });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    await Promise.all([sleeper.stop(), other.stop()]);
  }, 120_000);
});

describe('kill -9 of ComfyUI', () => {
  it('starts again what was lost, with a new prompt id and at most three starts', async () => {
    const worker = await WorkerProcess.start(house.environment);
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await customer.order()).id);
    for (let kill = 0; kill < 2; kill += 1) {
      await sleep(900);
      await house.crash(0, { awayMs: 300 });
    }
    const jobs = await expectExactEnds(house, customer, ids, { isComfyKept: false });
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
    const restart = () => house.crash(0, { args: ['--gpu-ms', '3000'] });
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
