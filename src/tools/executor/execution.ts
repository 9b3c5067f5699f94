import type { LeaseHold } from '../../jobs/index.js';
import type { ProviderError } from '../providers/provider.js';
import type { Tool } from '../tool.js';

/** One job being run at its provider by this process. */
export interface Execution {
  readonly hold: LeaseHold;
  readonly tool: Tool;
  /** A planned stop of the process. */
  readonly stop: AbortSignal;
  /** The job's owner wants it to end. */
  readonly cancelled: AbortSignal;
  /** The lease is lost, or the process stops. */
  readonly signal: AbortSignal;
  /** Waits, less when somebody wishes something of the job. Rejects when `signal` aborts. */
  pause(ms: number): Promise<void>;
}

/** The provider took a task and then had no room for it; what it says is why. */
export class TaskTurnedAway extends Error {
  constructor(readonly reason: ProviderError) {
    super(reason.message, { cause: reason });
  }
}

/** The provider does not know the task any more. */
export class TaskGone extends Error {}
