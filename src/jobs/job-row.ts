import type { JobError, JobKind, JobStatus } from './job.js';

/** A job's row: the truth about it. Written with fences. */
export interface Job {
  readonly id: string;
  readonly userId: string;
  readonly kind: JobKind;
  readonly workflow: string;
  readonly capability: string | null;
  readonly title: string;
  readonly variant: string | null;
  readonly status: JobStatus;
  readonly parameters: Record<string, unknown>;
  readonly credits: number;
  readonly turn: number;
  readonly sequence: number;
  readonly leaseEpoch: number;
  readonly leaseOwner: string | null;
  readonly promptId: string | null;
  readonly starts: number;
  readonly progressPercent: number;
  readonly progressStep: string | null;
  readonly cancelRequestedAt: Date | null;
  readonly retryOf: string | null;
  readonly error: JobError | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface OutputRow {
  readonly name: string;
  readonly type: 'file' | 'text';
  readonly fileId: string | null;
  readonly text: string | null;
}

/** With what the API shows of it besides: one query for all of it, since clients ask again and again. */
export interface WholeJob extends Job {
  /** File ids. */
  readonly inputs: readonly string[];
  readonly outputs: readonly OutputRow[];
  readonly hasPreview: boolean;
  /** How many waiting jobs come before it, counted up to {@link FRONT}; null: it does not wait. */
  readonly ahead: number | null;
}

/** Up to here places in the queue are counted exactly and fresh. */
export const FRONT = 100;

/** The columns of jobs as the fields of {@link Job}. */
export const JOB_COLUMNS = `jobs.id, jobs.user_id AS "userId", jobs.kind, jobs.workflow, jobs.capability, jobs.title,
  jobs.variant, jobs.status, jobs.parameters, jobs.credits, jobs.turn, jobs.sequence,
  jobs.lease_epoch AS "leaseEpoch", jobs.lease_owner AS "leaseOwner", jobs.prompt_id AS "promptId",
  jobs.starts, jobs.progress_percent AS "progressPercent", jobs.progress_step AS "progressStep",
  jobs.cancel_requested_at AS "cancelRequestedAt", jobs.retry_of AS "retryOf", jobs.error, jobs.created_at AS "createdAt",
  jobs.started_at AS "startedAt", jobs.finished_at AS "finishedAt"`;

/** As {@link JOB_COLUMNS}, for {@link WholeJob}. */
export const WHOLE_JOB_COLUMNS = `${JOB_COLUMNS},
  ARRAY(SELECT file_id::text FROM job_inputs WHERE job_id = jobs.id ORDER BY role) AS inputs,
  (SELECT coalesce(json_agg(json_build_object('name', name, 'type', type, 'fileId', file_id, 'text', text)
     ORDER BY position), '[]') FROM job_outputs WHERE job_id = jobs.id) AS outputs,
  jobs.finished_at IS NULL AND EXISTS (SELECT 1 FROM job_previews WHERE job_id = jobs.id) AS "hasPreview",
  CASE WHEN jobs.status = 'queued' THEN (SELECT count(*) FROM (
    SELECT 1 FROM jobs AS other WHERE other.kind = jobs.kind AND other.status = 'queued'
      AND (other.turn, other.sequence) < (jobs.turn, jobs.sequence) LIMIT ${FRONT}) AS before) END AS ahead`;
