import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue, Worker } from 'bullmq';

const ADD_LIMIT_MS = 2_000;
const CLOSE_LIMIT_MS = 1_000;
const KEEP_RECORDS = { age: 3_600, count: 1_000 };

/** What lies in a lane's BullMQ queue: ids, never content. */
export interface LaneRecord {
  readonly jobId: string;
  readonly epoch: number;
}

/**
 * Puts a leased job's record into its lane. Throws after 2 s: BullMQ itself would wait for as long as
 * Redis is away, and a record that arrives later is refused by its epoch.
 */
export const addRecord = async (queue: Queue<LaneRecord>, record: LaneRecord): Promise<void> => {
  const { jobId, epoch } = record;
  const adding = queue.add(
    'run',
    { jobId, epoch },
    {
      jobId: `${jobId}-${epoch}`,
      attempts: 1,
      removeOnComplete: KEEP_RECORDS,
      removeOnFail: KEEP_RECORDS,
    },
  );
  adding.catch(() => undefined);
  const late = sleep(ADD_LIMIT_MS, undefined, { ref: false }).then(() => {
    throw new Error(`The lane ${queue.name} took no record within ${ADD_LIMIT_MS} ms.`);
  });
  await Promise.race([adding, late]);
};

/** Stops taking records, within 1 s: BullMQ itself does not close while Redis is away. */
export const closeLane = async (worker: Worker<LaneRecord> | undefined): Promise<void> => {
  await Promise.race([worker?.close(true), sleep(CLOSE_LIMIT_MS, undefined, { ref: false })]);
};
