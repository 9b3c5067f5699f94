import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import type { JobKind } from './job.js';
import {
  HELD,
  JOB_EVENTS_CHANNEL,
  JOB_WISH_CHANNEL,
  JOBS_WAITING_CHANNEL,
  type JobLease,
} from './job-lease.js';
import { LeaseLost } from './jobs.errors.js';

export interface PickedJob extends JobLease {
  /** How often it was seen running before; above 0 it may be what brought a ComfyUI down. */
  readonly starts: number;
}

export interface Renewal {
  readonly isHeld: boolean;
  readonly isCancelRequested: boolean;
  /** An idle instance wants this job, if it is merely staged. */
  readonly isYieldRequested: boolean;
}

/** What a lease-holder's process is called in rows, unique per start of the process. */
export const PROCESS_OWNER = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;

/**
 * Who may work on which job. Times are the database's. A lease that is not renewed runs out; then
 * the job is picked again, or a prompt that still runs is adopted.
 */
@Injectable()
export class JobLeases {
  readonly leaseSeconds: number;

  constructor(
    private readonly database: Database,
    config: Config,
  ) {
    this.leaseSeconds = config.jobs.leaseSeconds;
  }

  /** Takes the next free job in person-turn order whose capability is given, or undefined. */
  async pick(
    kind: JobKind,
    capabilities: readonly string[],
    instanceId: string | null,
  ): Promise<PickedJob | undefined> {
    const row = await this.database.one<{ id: string; epoch: number; starts: number }>(
      `WITH next AS (
         SELECT id, turn FROM jobs
         WHERE kind = $1 AND status = 'queued' AND lease_owner IS NULL
           AND coalesce(capability, workflow) = ANY($2)
           AND available_at <= now() AND (yield_to IS NULL OR yield_to = $4 OR yield_until < now())
         ORDER BY turn, sequence LIMIT 1 FOR UPDATE SKIP LOCKED
       ), clock AS (
         UPDATE turn_clocks SET turn = greatest(turn_clocks.turn, next.turn) FROM next
         WHERE turn_clocks.kind = $1 AND turn_clocks.turn < next.turn
       )
       UPDATE jobs SET lease_epoch = lease_epoch + 1, lease_owner = $3, instance_id = $4, prompt_id = NULL,
         yield_to = NULL, yield_until = NULL, lease_until = now() + make_interval(secs => $5)
       FROM next WHERE jobs.id = next.id
       RETURNING jobs.id, jobs.lease_epoch AS epoch, jobs.starts`,
      [kind, capabilities, PROCESS_OWNER, instanceId, this.leaseSeconds],
    );
    return row && { jobId: row.id, epoch: row.epoch, starts: row.starts, owner: PROCESS_OWNER };
  }

  /** Takes over the jobs whose holder is gone while their prompt may still be on this instance. */
  async adopt(instanceId: string): Promise<PickedJob[]> {
    const rows = await this.database.query<{ id: string; epoch: number; starts: number }>(
      `UPDATE jobs SET lease_epoch = lease_epoch + 1, lease_owner = $2,
         lease_until = now() + make_interval(secs => $3)
       WHERE id IN (
         SELECT id FROM jobs
         WHERE instance_id = $1 AND finished_at IS NULL AND prompt_id IS NOT NULL AND lease_until < now()
         ORDER BY turn, sequence FOR UPDATE SKIP LOCKED)
       RETURNING id, lease_epoch AS epoch, starts`,
      [instanceId, PROCESS_OWNER, this.leaseSeconds],
    );
    return rows.map((row) => ({
      jobId: row.id,
      epoch: row.epoch,
      starts: row.starts,
      owner: PROCESS_OWNER,
    }));
  }

  /**
   * Makes the lease that a record names one's own, whoever picked the job: undefined when it has ended
   * or was taken over before, so that a record counts once.
   */
  async takeOver(jobId: string, epoch: number): Promise<PickedJob | undefined> {
    const row = await this.database.one<{ epoch: number; starts: number }>(
      `UPDATE jobs SET lease_epoch = lease_epoch + 1, lease_owner = $3,
         lease_until = now() + make_interval(secs => $4)
       WHERE id = $1 AND lease_epoch = $2 AND lease_owner IS NOT NULL AND finished_at IS NULL
       RETURNING lease_epoch AS epoch, starts`,
      [jobId, epoch, PROCESS_OWNER, this.leaseSeconds],
    );
    return row && { jobId, ...row, owner: PROCESS_OWNER };
  }

  /** How often the job was given back to the queue, by its holder or because its holder was lost. */
  async timesGivenBack(jobId: string): Promise<number> {
    const row = await this.database.one<{ count: number }>(
      `SELECT count(*) AS count FROM job_events
       WHERE job_id = $1 AND type = 'status' AND data->>'status' = 'queued'`,
      [jobId],
    );
    return row?.count ?? 0;
  }

  /** Extends the lease; tells whether it is still held and whether the owner of the job wants it to end. */
  async renew(lease: JobLease): Promise<Renewal> {
    const [row] = await this.database.prepared<{ cancel: boolean; yields: boolean }>(
      'renew-lease',
      `UPDATE jobs SET lease_until = now() + make_interval(secs => $4)
       WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND finished_at IS NULL
       RETURNING cancel_requested_at IS NOT NULL AS cancel, coalesce(yield_until > now(), false) AS yields`,
      [lease.jobId, lease.epoch, lease.owner, this.leaseSeconds],
    );
    return {
      isHeld: row !== undefined,
      isCancelRequested: row?.cancel ?? false,
      isYieldRequested: row?.yields ?? false,
    };
  }

  /**
   * Stores the prompt id before it is posted, so that no crash can leave an unknown prompt behind,
   * and which graph of the workflow it is.
   */
  async recordPrompt(
    lease: JobLease,
    promptId: string,
    instanceId: string,
    variant: string | undefined,
  ): Promise<void> {
    await this.fenced(
      lease,
      'record-prompt',
      `WITH held AS (
         UPDATE jobs SET prompt_id = $4, instance_id = $5, variant = $6 WHERE ${HELD} RETURNING id
       ) INSERT INTO job_prompts (prompt_id, job_id, epoch, instance_id)
         SELECT $4, id, $2, $5 FROM held RETURNING job_id`,
      [promptId, instanceId, variant ?? null],
    );
  }

  /**
   * ComfyUI (or the provider) shows the job running: `running`, its start counted once per prompt,
   * and its deadline begins. Repeating it for the same prompt changes nothing.
   */
  async markRunning(
    lease: JobLease,
    promptId: string | null,
    deadlineSeconds: number,
  ): Promise<void> {
    await this.fenced(
      lease,
      'mark-running',
      `WITH holder AS (
         -- Everything below hangs on it: who was fenced must not note the start that a successor counts.
         SELECT id FROM jobs WHERE ${HELD} AND status IN ('queued', 'running') FOR UPDATE
       ), first AS (
         UPDATE job_prompts SET running_at = now() FROM holder
         WHERE prompt_id = $4 AND running_at IS NULL RETURNING 1
       ), held AS (
         UPDATE jobs SET status = 'running', started_at = coalesce(started_at, now()),
           starts = starts + (SELECT count(*) FROM first)::int,
           deadline_at = CASE WHEN EXISTS (SELECT 1 FROM first) OR deadline_at IS NULL
             THEN now() + make_interval(secs => $5) ELSE deadline_at END,
           event_sequence = event_sequence + CASE WHEN status = 'queued' THEN 1 ELSE 0 END
         FROM holder WHERE jobs.id = holder.id
         RETURNING jobs.id, event_sequence
       ), event AS (
         INSERT INTO job_events (job_id, id, type, data)
         SELECT id, event_sequence, 'status', '{"status":"running"}' FROM held
         ON CONFLICT DO NOTHING
       )
       SELECT pg_notify('${JOB_EVENTS_CHANNEL}', id::text) FROM held`,
      [promptId, deadlineSeconds],
    );
  }

  /**
   * Gives a job back to the queue, in its old place: its start was lost, or the process stops.
   * `pauseSeconds` keeps it from being picked at once. A repeat is a quiet no-op.
   */
  async handBack(lease: JobLease, outcome: string, pauseSeconds = 0): Promise<void> {
    await this.database.query(
      `WITH held AS (
         UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_until = NULL, instance_id = NULL,
           prompt_id = NULL, provider_marker = NULL, provider_create_at = NULL, provider_task_id = NULL,
           deadline_at = NULL, available_at = now() + make_interval(secs => $4),
           event_sequence = event_sequence + 1
         WHERE ${HELD} RETURNING id, kind, event_sequence
       ), ended AS (
         UPDATE job_prompts SET ended_at = now(), outcome = $5 FROM held
         WHERE job_id = held.id AND ended_at IS NULL
       ), event AS (
         INSERT INTO job_events (job_id, id, type, data)
         SELECT id, event_sequence, 'status', '{"status":"queued"}' FROM held
       )
       SELECT pg_notify('${JOB_EVENTS_CHANNEL}', id::text), pg_notify('${JOBS_WAITING_CHANNEL}', kind)
       FROM held`,
      [lease.jobId, lease.epoch, lease.owner, pauseSeconds, outcome],
    );
  }

  /**
   * Asks for a job that is merely staged on a busy instance, for an idle one that can run it. Its
   * holder gives it up if it is still staged; for some seconds nobody else picks it then.
   */
  async requestYield(idleInstanceId: string, capabilities: readonly string[]): Promise<void> {
    await this.database.query(
      `WITH staged AS (
         SELECT jobs.id FROM jobs
         WHERE kind = 'comfy' AND status = 'queued' AND lease_until > now() AND prompt_id IS NOT NULL
           AND instance_id <> $1 AND coalesce(capability, workflow) = ANY($2) AND coalesce(yield_until < now(), true)
           AND (EXISTS (SELECT 1 FROM jobs busy WHERE busy.instance_id = jobs.instance_id AND busy.status = 'running')
             -- Behind a prompt that is not ours.
             OR EXISTS (SELECT 1 FROM job_prompts WHERE job_prompts.prompt_id = jobs.prompt_id
               AND job_prompts.minted_at < now() - interval '3 seconds'))
         ORDER BY turn, sequence LIMIT 1 FOR UPDATE SKIP LOCKED
       ), asked AS (
         UPDATE jobs SET yield_to = $1, yield_until = now() + interval '5 seconds'
         FROM staged WHERE jobs.id = staged.id RETURNING jobs.id
       ) SELECT pg_notify('${JOB_WISH_CHANNEL}', id::text) FROM asked`,
      [idleInstanceId, capabilities],
    );
  }

  /** Lets the lease run out now: the prompt goes on and a successor adopts it (planned stop). */
  async abandon(lease: JobLease): Promise<void> {
    await this.database.query(`UPDATE jobs SET lease_until = now() WHERE ${HELD}`, [
      lease.jobId,
      lease.epoch,
      lease.owner,
    ]);
  }

  /** Of prompts seen on an instance, those that we minted and that no open job claims any more. */
  async findUnclaimedPrompts(promptIds: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT job_prompts.prompt_id AS id FROM job_prompts JOIN jobs ON jobs.id = job_prompts.job_id
       WHERE job_prompts.prompt_id = ANY($1::uuid[])
         AND (jobs.finished_at IS NOT NULL OR jobs.prompt_id IS DISTINCT FROM job_prompts.prompt_id)`,
      [promptIds],
    );
    return rows.map((row) => row.id);
  }

  /** Notes that a start failed for want of GPU memory; true when another try is allowed. */
  async spendMemoryRetry(lease: JobLease): Promise<boolean> {
    const row = await this.database.one(
      `UPDATE jobs SET memory_retries = memory_retries + 1 WHERE ${HELD} AND memory_retries = 0 RETURNING id`,
      [lease.jobId, lease.epoch, lease.owner],
    );
    return row !== undefined;
  }

  private async fenced(
    { jobId, epoch, owner }: JobLease,
    name: string,
    sql: string,
    more: readonly unknown[],
  ): Promise<void> {
    const rows = await this.database.prepared(name, sql, [jobId, epoch, owner, ...more]);
    if (rows.length === 0) throw new LeaseLost(jobId);
  }
}
