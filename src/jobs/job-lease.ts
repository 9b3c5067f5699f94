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

/** NOTIFY channel: the owner of the job in the payload wants it to end. */
export const JOB_CANCEL_CHANNEL = 'job_cancel';
