import type { JobKind } from './job.js';

/** The right to work on a job: every write of its holder names this epoch. */
export interface JobLease {
  readonly jobId: string;
  readonly epoch: number;
  readonly owner: string;
}

/** The fence of every write of a lease-holder: $1 job, $2 epoch, $3 owner. */
export const HELD =
  'jobs.id = $1 AND jobs.lease_epoch = $2 AND jobs.lease_owner = $3 AND jobs.finished_at IS NULL';

/** NOTIFY channel: the payload is the id of a job whose events have grown. */
export const JOB_EVENTS_CHANNEL = 'job_events';

/** NOTIFY channel: somebody wants the job in the payload to end, or to move to an idle instance. */
export const JOB_WISH_CHANNEL = 'job_wish';

/** NOTIFY channel: a job of the kind in the payload waits to be picked. */
export const JOBS_WAITING_CHANNEL = 'jobs_waiting';

/** Whether a payload of {@link JOBS_WAITING_CHANNEL} means jobs of this kind; empty means any. */
export const meansJobsOf = (kind: JobKind, payload: string): boolean =>
  payload === '' || payload === kind;
