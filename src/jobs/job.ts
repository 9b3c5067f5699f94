/** The states of a job's row and the moves between them; nothing else may change `status`. */
export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
export type JobKind = 'comfy' | 'tool';

export const JOB_STATUSES: readonly JobStatus[] = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
];

/**
 * `running` → `queued`: the start was lost (ComfyUI or a worker died) and another one is allowed.
 * The last three are final.
 */
export const TRANSITIONS: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  queued: ['running', 'failed', 'cancelled'],
  running: ['queued', 'succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};

export const isTerminal = (status: JobStatus): boolean => TRANSITIONS[status].length === 0;

/** The states from which `to` may be entered, for the WHERE of an update. */
export const sourcesOf = (to: JobStatus): JobStatus[] =>
  JOB_STATUSES.filter((from) => TRANSITIONS[from].includes(to));

/** Throws when the move is not in the table: a programming error, not a person's. */
export const assertTransition = (from: JobStatus, to: JobStatus): void => {
  if (!TRANSITIONS[from].includes(to)) throw new Error(`A job does not go from ${from} to ${to}.`);
};

/** At most so many times is a job seen running before it fails as `jobs.lost`. */
export const MAX_STARTS = 3;

/** Why a job failed, for its owner: a code, a sentence, and what may help. */
export interface JobError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  /** Ordering the same again may succeed. */
  readonly retryable: boolean;
}
