import { Injectable } from '@nestjs/common';
import { Ledger } from '../credits/index.js';
import { Database, Notifications, Outbox } from '../platform/index.js';
import { sourcesOf, type JobError, type JobStatus } from './job.js';
import { JOB_EVENTS_CHANNEL, type JobLease } from './job-lease.js';
import { JobMetrics, type JobEnd } from './job-metrics.js';
import { LeaseLost } from './jobs.errors.js';
import { jobFailed, jobSucceeded } from './jobs.topics.js';

/** A result as it goes into the job: a file that is stored already, or a text. */
export type JobResult =
  | { readonly name: string; readonly type: 'file'; readonly fileId: string }
  | { readonly name: string; readonly type: 'text'; readonly text: string };

type Ending = Extract<JobStatus, 'succeeded' | 'failed' | 'cancelled'>;

interface Ended extends JobEnd {
  readonly eventSequence: number;
}

const isHeldBy = `AND lease_epoch = $4 AND lease_owner = $5`;
const isFree = `AND (lease_owner IS NULL OR lease_until < now())`;

/**
 * Ends jobs. Each end is one transaction: the row, its outputs, the ledger and the event happen
 * together or not at all, and exactly one end ever happens.
 */
@Injectable()
export class JobSettlement {
  constructor(
    private readonly database: Database,
    private readonly ledger: Ledger,
    private readonly outbox: Outbox,
    private readonly notifications: Notifications,
    private readonly metrics: JobMetrics,
  ) {}

  /** Commits the results and captures the credits. Throws {@link LeaseLost} when fenced. */
  async succeed(lease: JobLease, results: readonly JobResult[]): Promise<void> {
    await this.settle(async () => {
      const ended = await this.end('succeeded', lease.jobId, null, lease);
      if (!ended) throw new LeaseLost(lease.jobId);
      for (const [position, result] of results.entries()) {
        await this.database.query(
          `INSERT INTO job_outputs (job_id, name, position, type, file_id, text) VALUES ($1, $2, $3, $4, $5, $6)`,
          [
            lease.jobId,
            result.name,
            position,
            result.type,
            result.type === 'file' ? result.fileId : null,
            result.type === 'text' ? result.text : null,
          ],
        );
      }
      await this.ledger.capture(lease.jobId);
      await this.outbox.append(jobSucceeded, { jobId: lease.jobId });
      return ended;
    });
  }

  /** Ends a leased job without a charge. Throws {@link LeaseLost} when fenced. */
  async fail(lease: JobLease, error: JobError): Promise<void> {
    const ended = await this.settle(() => this.failNow(lease.jobId, error, lease));
    if (!ended) throw new LeaseLost(lease.jobId);
  }

  /** Ends a leased job at its owner's wish, without a charge. Throws {@link LeaseLost} when fenced. */
  async cancel(lease: JobLease): Promise<void> {
    const ended = await this.settle(() => this.cancelNow(lease.jobId, lease));
    if (!ended) throw new LeaseLost(lease.jobId);
  }

  /**
   * Cancels a job that no live lease holds. False: somebody holds it, it has ended, or it may be at
   * a provider, whose lane adopts it.
   */
  cancelFree(jobId: string): Promise<boolean> {
    return this.settle(async () => {
      const atProvider = await this.database.one(
        'SELECT 1 FROM jobs WHERE id = $1 AND provider_create_at IS NOT NULL FOR UPDATE',
        [jobId],
      );
      return atProvider === undefined ? this.cancelNow(jobId) : undefined;
    });
  }

  /** Fails a job that no live lease holds. False: somebody holds it, or it has ended. */
  failFree(jobId: string, error: JobError): Promise<boolean> {
    return this.settle(() => this.failNow(jobId, error));
  }

  /** One transaction; what has ended in it is counted once it is committed. */
  private async settle(work: () => Promise<Ended | undefined>): Promise<boolean> {
    const ended = await this.database.transaction(work);
    if (ended) this.metrics.note(ended);
    return ended !== undefined;
  }

  private async failNow(
    jobId: string,
    error: JobError,
    lease?: JobLease,
  ): Promise<Ended | undefined> {
    const ended = await this.end('failed', jobId, error, lease);
    if (!ended) return undefined;
    await this.ledger.release(jobId);
    await this.outbox.append(jobFailed, { jobId });
    return ended;
  }

  private async cancelNow(jobId: string, lease?: JobLease): Promise<Ended | undefined> {
    const ended = await this.end('cancelled', jobId, null, lease);
    if (!ended) return undefined;
    await this.ledger.release(jobId);
    return ended;
  }

  private async end(
    status: Ending,
    jobId: string,
    error: JobError | null,
    lease?: JobLease,
  ): Promise<Ended | undefined> {
    const row = await this.database.one<Ended>(
      `UPDATE jobs SET status = $2, error = $3::jsonb, finished_at = now(), lease_owner = NULL, lease_until = NULL,
         event_sequence = event_sequence + 1,
         progress_percent = CASE WHEN $2 = 'succeeded' THEN 100 ELSE progress_percent END
       WHERE id = $1 AND status = ANY($6) ${lease ? isHeldBy : `${isFree} AND $4::int IS NULL AND $5::text IS NULL`}
       RETURNING id, event_sequence AS "eventSequence", workflow, status, error->>'code' AS code,
         extract(epoch FROM started_at - created_at)::float8 AS waited,
         extract(epoch FROM finished_at - started_at)::float8 AS ran`,
      [
        jobId,
        status,
        error === null ? null : JSON.stringify(error),
        lease?.epoch ?? null,
        lease?.owner ?? null,
        sourcesOf(status),
      ],
    );
    if (!row) return undefined;
    await this.database.query(
      `WITH ended AS (
         UPDATE job_prompts SET ended_at = now(), outcome = $3 WHERE job_id = $1 AND ended_at IS NULL
       ), preview AS (DELETE FROM job_previews WHERE job_id = $1 AND $3 <> 'succeeded')
       INSERT INTO job_events (job_id, id, type, data) VALUES ($1, $2, 'status', $4)`,
      [jobId, row.eventSequence, status, JSON.stringify({ status, error })],
    );
    await this.notifications.notify(JOB_EVENTS_CHANNEL, jobId);
    return row;
  }
}
