import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExactEnds, random } from '../../support/exact-ends.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { WorkerProcess } from '../../support/workers.js';

const SEED = Number(process.env['SEED'] ?? Date.now() % 100_000);
const JOBS = 100;
const KILLS = 20;
const SLEEPS = 8;
const THREE_LEASES_MS = 6_000;
const LIMIT_MS = 600_000;

describe.each([
  { workers: 1, instances: 1 },
  { workers: 2, instances: 2 },
])('$workers worker(s), $instances ComfyUI(s), seed ' + SEED, ({ workers, instances }) => {
  let house: House;
  let customer: Customer;
  const chance = random(SEED);
  const running: WorkerProcess[] = [];

  beforeAll(async () => {
    const database = await testDatabase({ from: 'template' });
    const options = { databaseUrl: database.url, roles: 'api', gpuMs: 200, sandboxes: instances };
    house = await House.start(options);
    customer = await house.customer();
    const first = await WorkerProcess.start(house.environment);
    await house.untilReady();
    await first.stop();
  });
  afterAll(() => house.stop());

  const orderMany = async () => {
    const ids: string[] = [];
    for (let n = 0; n < JOBS; n += 1) ids.push((await customer.order()).id);
    return ids;
  };
  const startWorkers = async () => {
    while (running.length < workers) running.push(await WorkerProcess.start(house.environment));
  };
  const stopWorkers = () => Promise.all(running.splice(0).map((worker) => worker.stop()));

  it(`${KILLS} kill -9 of a worker over ${JOBS} jobs`, async () => {
    const ids = await orderMany();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await startWorkers();
      await sleep(300 + chance() * 3_000);
      const [victim] = running.splice(Math.floor(chance() * running.length), 1);
      await victim?.signal('SIGKILL');
    }
    await startWorkers();
    const jobs = await expectExactEnds(house, customer, ids, {
      isComfyKept: true,
      limitMs: LIMIT_MS,
    });
    expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
    await stopWorkers();
  });

  if (workers > 1) {
    it(`${SLEEPS} sleeps of a worker for three leases over ${JOBS} jobs, none of them started twice`, async () => {
      await startWorkers();
      const ids = await orderMany();
      for (let sleeping = 0; sleeping < SLEEPS; sleeping += 1) {
        await sleep(300 + chance() * 2_000);
        const worker = running[Math.floor(chance() * running.length)]!;
        await worker.signal('SIGSTOP');
        await sleep(THREE_LEASES_MS);
        await worker.signal('SIGCONT');
      }
      const jobs = await expectExactEnds(house, customer, ids, {
        isComfyKept: true,
        limitMs: LIMIT_MS,
      });
      expect(jobs.map((job) => job.status)).toEqual(ids.map(() => 'succeeded'));
      await stopWorkers();
    });
  }

  it(`${KILLS} kill -9 of a ComfyUI over ${JOBS} jobs`, async () => {
    await startWorkers();
    const ids = await orderMany();
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(2_000 + chance() * 4_000);
      const at = Math.floor(chance() * instances);
      await house.crash(at);
    }
    const jobs = await expectExactEnds(house, customer, ids, {
      isComfyKept: false,
      limitMs: LIMIT_MS,
    });
    // A job may have been the victim three times; it is then lost, and free of charge.
    for (const job of jobs) {
      expect(job.status === 'succeeded' || job.error?.code === 'jobs.lost').toBe(true);
    }
    await stopWorkers();
  });
});
