import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { JobView } from '../../src/jobs/index.js';
import type { LoggedCall } from '../../src/sandbox/tools/server.js';
import { expectExactEnds, random } from './exact-ends.js';
import { House, type Customer } from './house.js';
import { testDatabase } from './postgres.js';
import { ToolStandIns } from './tools.js';
import { shirt, tallPerson } from './try-on-pictures.js';
import { WorkerProcess } from './workers.js';

export interface ToolKillPlan {
  /** At each of the two paid providers. */
  readonly jobs: number;
  readonly kills: number;
  readonly seed: number;
  /** Between two kills, at most. */
  readonly pauseMs: number;
  readonly limitMs: number;
}

export interface ToolKillReport {
  readonly succeeded: number;
  /** Cut between the note and the create, or between the create and its id, and never found. */
  readonly unknown: number;
  /** That the provider accepted. */
  readonly creates: number;
  /** Jobs that a worker had when it was killed, all kills together. */
  readonly inHand: number;
}

const PROVIDERS = ['tripo', 'replicate'] as const;
const PRICES: Readonly<Record<string, number>> = { 'models-3d': 30, 'try-ons': 8 };

/**
 * `jobs` models and as many try-ons while the worker is killed with SIGKILL again and again, and some
 * creates are slow or lose their answer after they were accepted. Expects one end per job, exact
 * credits, and by the stand-ins' own logs: exactly one accepted create for an order that succeeded,
 * none for any other.
 */
export const killToolWorkers = async (plan: ToolKillPlan): Promise<ToolKillReport> => {
  const { jobs, kills, seed, pauseMs, limitMs } = plan;
  const chance = random(seed);
  const standIns = await ToolStandIns.start(['--task-ms=600', '--link-seconds=300']);
  const { url } = await testDatabase({ from: 'template' });
  const house = await House.start({
    databaseUrl: url,
    roles: 'api',
    sandboxes: 0,
    environment: {
      ...standIns.environment,
      ...standIns.tryOnEnvironment('replicate'),
      TOOL_RECONCILE_SECONDS: '10',
      TRIPO_CONCURRENCY: '2',
      TRYON_CONCURRENCY: '2',
    },
  });
  let worker: WorkerProcess | undefined;
  let inHand = 0;
  try {
    const customer = await house.customer();
    const before = await customer.credits();
    // Slow answers make kills fall between the create and its id; lost ones must be looked for.
    for (const provider of PROVIDERS) {
      await standIns.script(
        provider,
        ...Array.from({ length: jobs }, (_, n) => ({
          on: 'create',
          ...(n % 5 === 2
            ? { after: 'reset' as const }
            : { delayAfterMs: Math.round(chance() * 400) }),
        })),
      );
    }
    const ids = await orderMany(customer, jobs);
    for (let kill = 0; kill < kills; kill += 1) {
      worker = await WorkerProcess.start(house.environment);
      await sleep(chance() * pauseMs);
      inHand += await jobsInHand(house);
      await worker.signal('SIGKILL');
    }
    worker = await WorkerProcess.start(house.environment);
    const ended = await expectExactEnds(house, customer, ids, { isComfyKept: false, limitMs });
    const succeeded = ended.filter(({ status }) => status === 'succeeded');
    const unknown = ended.filter(({ error }) => error?.code === 'tools.outcome_unknown');
    expect(ended.map(({ status, error }) => error?.code ?? status).filter(isUnexpected)).toEqual(
      [],
    );
    const credits = succeeded.reduce((sum, { workflow }) => sum + (PRICES[workflow] ?? 0), 0);
    const after = await customer.credits();
    expect(after).toEqual({
      available: before.available - credits,
      reserved: 0,
    });
    const creates = (
      await Promise.all(PROVIDERS.map((provider) => standIns.calls(provider, 'create')))
    )
      .flat()
      .filter(({ status }) => status < 300);
    await expectNoRepeats(house, creates, ended);
    return {
      succeeded: succeeded.length,
      unknown: unknown.length,
      creates: creates.length,
      inHand,
    };
  } finally {
    await worker?.stop();
    await house.stop();
    await standIns.stop();
  }
};

const jobsInHand = async (house: House): Promise<number> => {
  const row = await house.database.one<{ count: number }>(
    'SELECT count(*)::int AS count FROM jobs WHERE finished_at IS NULL AND lease_until > now()',
  );
  return row?.count ?? 0;
};

const isUnexpected = (end: string): boolean =>
  end !== 'succeeded' && end !== 'tools.outcome_unknown';

const orderMany = async (customer: Customer, count: number): Promise<string[]> => {
  const { imageId } = customer;
  const personImageId = await customer.save((await tallPerson()).bytes);
  const garmentImageId = await customer.save((await shirt()).bytes);
  const dressed = { personImageId, garmentImageId, description: 'striped shirt' };
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push((await customer.orderTool('models-3d', { imageId })).id);
    ids.push((await customer.orderTool('try-ons', dressed)).id);
  }
  return ids;
};

/** By the log of accepted creates: one task per order at most, and exactly one where it succeeded. */
const expectNoRepeats = async (
  house: House,
  creates: readonly LoggedCall[],
  ended: readonly JobView[],
): Promise<void> => {
  const made = creates.map(({ note }) => note as { id: string; marker: string });
  const rows = await house.database.query<{ id: string; marker: string; taskId: string | null }>(
    `SELECT id, provider_marker AS marker, provider_task_id AS "taskId" FROM jobs WHERE id = ANY($1::uuid[])`,
    [ended.map(({ id }) => id)],
  );
  const tasks = rows.map(({ id, marker, taskId }) => ({
    status: ended.find((job) => job.id === id)?.status,
    taskId,
    made: made.filter((task) => task.marker === marker).map((task) => task.id),
  }));
  for (const { status, taskId, made: own } of tasks) {
    expect({ status, own }).toEqual({ status, own: status === 'succeeded' ? [taskId] : [] });
  }
  // Each try sends its picture anew: a task that no row knows is one made for an order that has another.
  expect(made.length).toBe(tasks.flatMap(({ made: own }) => own).length);
};
