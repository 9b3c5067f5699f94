import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database, Notifications } from '../platform/index.js';
import { isTerminal, type JobStatus } from './job.js';
import { JOB_EVENTS_CHANNEL } from './job-lease.js';

export interface JobEvent {
  readonly id: number;
  readonly type: 'progress' | 'preview' | 'status';
  readonly data: Readonly<Record<string, unknown>>;
}

interface JobState {
  readonly status: JobStatus;
  readonly eventSequence: number;
}

/** Notifications may be lost: whoever waits looks again after so long. */
const REREAD_MS = 5_000;

/** What happens to a job, for those who watch: a nudge wakes them and the rows are what they read. */
@Injectable()
export class JobStreams implements OnApplicationBootstrap {
  private readonly watchers = new Map<string, Set<() => void>>();

  constructor(
    private readonly database: Database,
    private readonly notifications: Notifications,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.notifications.subscribe(JOB_EVENTS_CHANNEL, (jobId) => {
      const woken = jobId === '' ? [...this.watchers.values()] : [this.watchers.get(jobId) ?? []];
      for (const wake of woken.flatMap((watchers) => [...watchers])) wake();
    });
  }

  stateOf(jobId: string): Promise<JobState | undefined> {
    return this.database.one<JobState>(
      'SELECT status, event_sequence AS "eventSequence" FROM jobs WHERE id = $1',
      [jobId],
    );
  }

  /** Whether the event after `lastId` is still kept, or is yet to come: a stream can go on there. */
  async canResume(jobId: string, lastId: number): Promise<boolean> {
    const row = await this.database.one<{ can: boolean }>(
      `SELECT event_sequence = $2
         OR EXISTS (SELECT 1 FROM job_events WHERE job_id = $1 AND job_events.id = $2 + 1) AS can
       FROM jobs WHERE id = $1`,
      [jobId, lastId],
    );
    return row?.can ?? false;
  }

  /** Events after `lastId`, oldest first. */
  eventsAfter(jobId: string, lastId: number): Promise<JobEvent[]> {
    return this.database.query<JobEvent>(
      'SELECT id, type, data FROM job_events WHERE job_id = $1 AND id > $2 ORDER BY id LIMIT 500',
      [jobId, lastId],
    );
  }

  /** Resolves at the next nudge for this job, after 5 s, or when `signal` aborts. */
  nudge(jobId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const watchers = this.watchers.get(jobId) ?? new Set();
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        watchers.delete(wake);
        if (watchers.size === 0) this.watchers.delete(jobId);
        resolve();
      };
      const timer = setTimeout(wake, REREAD_MS);
      watchers.add(wake);
      this.watchers.set(jobId, watchers);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  /** Waits until the job has ended or `seconds` have passed; true when it has ended. */
  async waitForEnd(jobId: string, seconds: number, closed: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([closed, AbortSignal.timeout(seconds * 1_000)]);
    while (!signal.aborted) {
      const nudged = this.nudge(jobId, signal);
      const state = await this.stateOf(jobId);
      if (!state || isTerminal(state.status)) return true;
      await nudged;
    }
    return false;
  }
}
