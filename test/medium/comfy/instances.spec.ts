import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url, sandboxes: 2, gpuMs: 300 });
  customer = await house.customer();
});
afterEach(async () => {
  await house.clearFaults();
  expect(await house.faultsInLedger()).toEqual([]);
});
afterAll(() => house.stop());

const instanceOf = async (jobId: string) =>
  (
    await house.database.one<{ id: string }>('SELECT instance_id AS id FROM jobs WHERE id = $1', [
      jobId,
    ])
  )?.id;

const orderMany = async (count: number, who = customer) => {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await who.order()).id);
  return ids;
};

const slow = { kind: 'slow', node: 'KSamplerAdvanced', ms: 5_000 };

describe('two instances', () => {
  it('share the work', async () => {
    const jobs = await orderMany(6);
    await Promise.all(jobs.map((id) => customer.ended(id)));
    expect(new Set(await Promise.all(jobs.map(instanceOf))).size).toBe(2);
  });

  it('move a job that is merely staged to the idle one', async () => {
    await house.fault(slow, 0);
    const jobs = await orderMany(4);
    const ended = await Promise.all(jobs.map((id) => customer.ended(id)));
    expect(ended.map((job) => job.status)).toEqual(jobs.map(() => 'succeeded'));
    const moved = await house.database.query<{ ran: boolean }>(
      `SELECT running_at IS NOT NULL AS ran FROM job_prompts WHERE outcome = 'yielded' AND job_id = ANY($1::uuid[])`,
      [jobs],
    );
    // What was staged behind the slow job ran elsewhere, and its first prompt never began.
    expect(moved).toEqual([{ ran: false }]);
    const starts = await house.database.query<{ starts: number }>(
      'SELECT starts FROM jobs WHERE id = ANY($1::uuid[])',
      [jobs],
    );
    expect(starts.map((row) => row.starts)).toEqual([1, 1, 1, 1]);
  });

  it('sets a wedged one aside, moves its jobs and takes it back', async () => {
    await house.fault({ kind: 'wedge' }, 1);
    const jobs = await orderMany(4);
    const ended = await Promise.all(jobs.map((id) => customer.ended(id, 45_000)));
    expect(ended.map((job) => job.status)).toEqual(jobs.map(() => 'succeeded'));
    const sick = async () =>
      (await house.database.query(`SELECT 1 FROM instances WHERE state = 'sick'`)).length;
    expect(await sick()).toBe(1);
    await house.clearFaults();
    await until(async () => (await sick()) === 0, 30_000);
  }, 90_000);
});

describe('turns', () => {
  it('delay another person’s first job by at most two slots per instance', async () => {
    const other = await house.customer();
    const many = await orderMany(20);
    const { id } = await other.order();
    const first = await other.ended(id);
    const startedBefore = await house.database.one<{ count: number }>(
      `SELECT count(*) FROM jobs
       WHERE id = ANY($1::uuid[]) AND started_at > $2 AND started_at < $3`,
      [many, first.createdAt, first.startedAt],
    );
    const instances = 2;
    expect(startedBefore!.count).toBeLessThanOrEqual(2 * instances);
    await Promise.all(many.map((one) => customer.ended(one, 60_000)));
  }, 90_000);
});

describe('prompts that nobody claims', () => {
  it('are ended when they are ours, and left alone when they are not', async () => {
    const post = async (steps: number) => {
      const id = randomUUID();
      const prompt = {
        1: {
          class_type: 'EmptyImage',
          inputs: { width: 64, height: 64, batch_size: 1, color: steps },
        },
        2: {
          class_type: 'PeerSteps',
          inputs: { image: ['1', 0], steps, step_ms: 100, preview: 'none', salt: 1 },
        },
        3: { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
      };
      await fetch(`${house.sandboxes[0]!.url}/prompt`, {
        method: 'POST',
        body: JSON.stringify({ prompt, prompt_id: id }),
      });
      return id;
    };
    const outcomeOf = async (id: string) => {
      const history = (await (
        await fetch(`${house.sandboxes[0]!.url}/history/${id}`)
      ).json()) as Record<string, { status: { messages: [string][] } }>;
      return history[id]?.status.messages.at(-1)?.[0];
    };
    const ended = await customer.order();
    await customer.ended(ended.id);
    const orphan = await post(300);
    await house.database.query(
      `INSERT INTO job_prompts (prompt_id, job_id, epoch, instance_id)
       SELECT $1, id, lease_epoch, instance_id FROM jobs WHERE id = $2`,
      [orphan, ended.id],
    );
    const foreign = await post(30);
    await until(async () => (await outcomeOf(orphan)) === 'execution_interrupted', 20_000);
    await until(async () => (await outcomeOf(foreign)) === 'execution_success', 20_000);
  });
});
