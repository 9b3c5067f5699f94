import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { JobLeases, JobSettlement, LeaseLost, type JobLease } from '../../../src/jobs/index.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const INSTANCE = 'away';
const DEADLINE_SECONDS = 60;

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;
let leases: JobLeases;
let jobId: string;
let promptId: string;
/** Of a worker that slept through its lease. */
let fenced: JobLease;
/** Of the worker that adopted its prompt. */
let successor: JobLease;

const row = async () => {
  const [found] = await house.database.query<Record<string, unknown>>(
    `SELECT jobs.status, starts, jobs.prompt_id AS prompt, running_at IS NOT NULL AS "isRunning",
       ended_at IS NOT NULL AS "hasEnded", outcome
     FROM jobs JOIN job_prompts ON job_prompts.job_id = jobs.id WHERE jobs.id = $1`,
    [jobId],
  );
  return found;
};

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    roles: 'api,worker',
    sandboxes: 0,
    environment: { JOB_LEASE_SECONDS: '600' },
  });
  await house.addAwayInstance(INSTANCE);
  customer = await house.customer();
  leases = house.app.get(JobLeases, { strict: false });
});
afterAll(() => house.stop());

beforeEach(async () => {
  jobId = (await customer.order()).id;
  const picked = await leases.pick('comfy', ['product-backgrounds'], INSTANCE);
  expect(picked?.jobId).toBe(jobId);
  fenced = picked!;
  promptId = randomUUID();
  await leases.recordPrompt(fenced, promptId, INSTANCE, undefined);
  await house.database.query('UPDATE jobs SET lease_until = now() WHERE id = $1', [jobId]);
  const [adopted] = await leases.adopt(INSTANCE);
  successor = adopted!;
  expect(successor).toMatchObject({ jobId, epoch: fenced.epoch + 1 });
});

describe('a worker that wakes up after another has adopted its prompt', () => {
  it('does not note the start, which its successor counts', async () => {
    await expect(leases.markRunning(fenced, promptId, DEADLINE_SECONDS)).rejects.toThrow(LeaseLost);
    expect(await row()).toMatchObject({ status: 'queued', starts: 0, isRunning: false });
    await leases.markRunning(successor, promptId, DEADLINE_SECONDS);
    await leases.markRunning(successor, promptId, DEADLINE_SECONDS);
    expect(await row()).toMatchObject({ status: 'running', starts: 1, isRunning: true });
  });

  it('does not end the prompt, whose result would be taken for one in vain', async () => {
    await leases.markRunning(successor, promptId, DEADLINE_SECONDS);
    await leases.handBack(fenced, 'unreachable');
    expect(await row()).toMatchObject({ status: 'running', prompt: promptId, hasEnded: false });
    const settlement = house.app.get(JobSettlement, { strict: false });
    await settlement.succeed(successor, []);
    expect(await row()).toMatchObject({ status: 'succeeded', starts: 1, outcome: 'succeeded' });
  });
});
