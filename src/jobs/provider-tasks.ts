import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import { HELD, type JobLease } from './job-lease.js';
import { PROCESS_OWNER, JobLeases, type PickedJob } from './job-leases.js';
import { LeaseLost } from './jobs.errors.js';

/** What is known of a job's task at its provider. */
export interface ProviderTaskRecord {
  /** By which the task can be found in the provider's own lists; unique per job. */
  readonly marker: string | null;
  readonly taskId: string | null;
  /** Since a create may have been sent; null: none was. */
  readonly secondsSinceCreate: number | null;
  /** Until the job's deadline; null: it does not run yet. */
  readonly secondsLeft: number | null;
  /** How often a provider took it. */
  readonly starts: number;
}

/**
 * The trace of a job at a provider, written so that a paid create is made at most once: that one may
 * be sent is noted before it is, and its id before it is asked for. Whoever finds the note without
 * the id must look at the provider, not create again.
 */
@Injectable()
export class ProviderTasks {
  constructor(
    private readonly database: Database,
    private readonly leases: JobLeases,
  ) {}

  find(jobId: string): Promise<ProviderTaskRecord | undefined> {
    return this.database.one<ProviderTaskRecord>(
      `SELECT provider_marker AS marker, provider_task_id AS "taskId",
         extract(epoch FROM now() - provider_create_at)::float8 AS "secondsSinceCreate",
         extract(epoch FROM deadline_at - now())::float8 AS "secondsLeft", starts
       FROM jobs WHERE id = $1`,
      [jobId],
    );
  }

  /** From here on a create may have reached the provider. Throws LeaseLost. */
  async noteCreate(lease: JobLease, marker: string | null): Promise<void> {
    await this.fenced(lease, 'provider_marker = $4, provider_create_at = now()', [marker]);
  }

  /** The provider has the task; counts as a start of the job. Throws LeaseLost. */
  async recordTask(lease: JobLease, taskId: string): Promise<void> {
    await this.fenced(lease, 'provider_task_id = $4, starts = starts + 1', [taskId]);
  }

  /** The provider surely has no task, or a lost one that was free of charge. Throws LeaseLost. */
  async forget(lease: JobLease): Promise<void> {
    await this.fenced(
      lease,
      'provider_marker = NULL, provider_create_at = NULL, provider_task_id = NULL',
      [],
    );
  }

  /** The provider ended a task before it began to work on it: as if it had never been taken. Throws LeaseLost. */
  async takeBackStart(lease: JobLease): Promise<void> {
    await this.fenced(
      lease,
      `provider_marker = NULL, provider_create_at = NULL, provider_task_id = NULL,
       starts = greatest(starts - 1, 0)`,
      [],
    );
  }

  /** Takes over up to `limit` jobs whose holder is gone after a create may have been sent. */
  async adopt(workflows: readonly string[], limit: number): Promise<PickedJob[]> {
    const rows = await this.database.query<{ id: string; epoch: number; starts: number }>(
      `UPDATE jobs SET lease_epoch = lease_epoch + 1, lease_owner = $2,
         lease_until = now() + make_interval(secs => $3)
       WHERE id IN (
         SELECT id FROM jobs
         WHERE kind = 'tool' AND workflow = ANY($1) AND finished_at IS NULL
           AND provider_create_at IS NOT NULL AND lease_until < now()
         ORDER BY turn, sequence LIMIT $4 FOR UPDATE SKIP LOCKED)
       RETURNING id, lease_epoch AS epoch, starts`,
      [workflows, PROCESS_OWNER, this.leases.leaseSeconds, limit],
    );
    return rows.map(({ id, epoch, starts }) => ({
      jobId: id,
      epoch,
      starts,
      owner: PROCESS_OWNER,
    }));
  }

  private async fenced(lease: JobLease, change: string, more: readonly unknown[]): Promise<void> {
    const rows = await this.database.query(`UPDATE jobs SET ${change} WHERE ${HELD} RETURNING id`, [
      lease.jobId,
      lease.epoch,
      lease.owner,
      ...more,
    ]);
    if (rows.length === 0) throw new LeaseLost(lease.jobId);
  }
}
