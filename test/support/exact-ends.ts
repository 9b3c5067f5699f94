import { expect } from 'vitest';
import type { JobView } from '../../src/jobs/index.js';
import type { Customer, House } from './house.js';

/** A small generator with a printed seed, so that a failing run can be repeated (mulberry32). */
export const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/**
 * Waits for the jobs and checks what must be true of all that have ended, whatever was killed: one
 * terminal event, one capture or release, a ledger without drift, never two starts at once.
 * `isLogWhole`: no ComfyUI crashed, so that the sandbox's log has every execution, and as many as
 * the rows have starts.
 */
export const expectExactEnds = async (
  house: House,
  customer: Customer,
  ids: readonly string[],
  { isLogWhole, limitMs = 60_000 }: { isLogWhole: boolean; limitMs?: number },
): Promise<JobView[]> => {
  const deadline = Date.now() + limitMs;
  const jobs: JobView[] = [];
  // One after the other: a hundred askers at once would be most of the load themselves.
  for (const id of ids) jobs.push(await customer.ended(id, Math.max(0, deadline - Date.now())));
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
    const logs = await Promise.all(house.sandboxes.map((_, index) => house.executions(index)));
    const executions = logs.flat();
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
