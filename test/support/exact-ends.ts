import { expect } from 'vitest';
import type { JobView } from '../../src/jobs/index.js';
import type { Customer, Execution, House } from './house.js';

/** A small generator with a printed seed, so that a failing run can be repeated (mulberry32). */
export const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** What is wrong with the executions of one job; `deaths`: when which life of a sandbox was killed. */
const faultsOf = (
  executions: readonly Execution[],
  job: { readonly id: string; readonly starts: number; readonly finishedAt: Date },
  deaths: ReadonlyMap<number, number>,
): string[] => {
  const ordered = executions.toSorted((a, b) => a.started - b.started);
  const faults: string[] = [];
  if (ordered.length < job.starts) faults.push('has more starts than executions');
  for (const [at, execution] of ordered.entries()) {
    const next = ordered[at + 1];
    const died = deaths.get(execution.life);
    if (execution.started > job.finishedAt.getTime()) faults.push('began after its job had ended');
    if (next && next.started < (execution.ended ?? died ?? Infinity)) faults.push('overlap');
    if (next && died === undefined && execution.outcome !== 'execution_error')
      faults.push(`a second execution after ${execution.outcome}`);
  }
  return faults.map((fault) => `${job.id}: ${fault}: ${JSON.stringify(ordered)}`);
};

/**
 * Waits for the jobs and checks what must be true of all that have ended, whatever was killed: one
 * terminal event, one capture or release, a ledger without drift; in the log of the sandboxes never
 * two executions of a job at once, a second only where the first was lost, none begun after the end.
 * `isComfyKept`: no ComfyUI was killed, so that the rows have as many starts as the log executions.
 */
export const expectExactEnds = async (
  house: House,
  customer: Customer,
  ids: readonly string[],
  { isComfyKept, limitMs = 60_000 }: { isComfyKept: boolean; limitMs?: number },
): Promise<JobView[]> => {
  const deadline = Date.now() + limitMs;
  const jobs: JobView[] = [];
  // One after the other: a hundred askers at once would be most of the load themselves.
  for (const id of ids) jobs.push(await customer.ended(id, Math.max(0, deadline - Date.now())));
  const rows = await house.database.query<{
    id: string;
    kind: string;
    starts: number;
    finishedAt: Date;
    ends: number;
    prompts: string[];
  }>(
    `SELECT id, kind, starts, finished_at AS "finishedAt",
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
  const logs = await Promise.all(house.sandboxes.map((_, index) => house.executions(index)));
  const executions = logs.flat();
  for (const row of rows.filter(({ kind }) => kind === 'comfy')) {
    const own = executions.filter((one) => row.prompts.includes(one.prompt_id));
    expect(faultsOf(own, row, house.deaths)).toEqual([]);
    if (isComfyKept)
      expect({ id: row.id, executed: own.length }).toEqual({ id: row.id, executed: row.starts });
  }
  return jobs;
};
