import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database, Idempotency } from '../platform/index.js';
import { Files } from '../storage/index.js';
import { JobSettlement } from './job-settlement.js';

const PERIOD_MS = 2_000;
const HOUSEKEEPING_EVERY = 150;
const BATCH = 100;
/** So long after a start has ended nobody stores anything for it any more, not even a fenced worker. */
const SETTLED_AFTER_SECONDS = 300;

/**
 * Puts right what a dead process left: jobs whose lease ran out, wishes to cancel that nobody holds,
 * jobs that waited too long. Runs in every worker; every step may be doubled or cut anywhere.
 */
@Injectable()
export class JobReconciler implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(JobReconciler.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private passes = 0;

  constructor(
    private readonly database: Database,
    private readonly settlement: JobSettlement,
    private readonly idempotency: Idempotency,
    private readonly files: Files,
    private readonly config: Config,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => {
      this.running = this.running
        .then(() => this.reconcile())
        .catch((error: unknown) => this.logger.warn({ err: error }, 'a pass over the jobs failed'));
    }, PERIOD_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  async reconcile(): Promise<void> {
    this.passes += 1;
    await this.freeLostLeases();
    await this.cancelUnheld();
    await this.expire();
    if (this.passes % HOUSEKEEPING_EVERY === 1) await this.keepHouse();
  }

  /**
   * A lost lease without a prompt, or at a provider without a create: the job is free at once. With
   * a prompt it belongs to the driver of that instance, who adopts it; if nobody could for
   * INSTANCE_GRACE, because none drives it or it is away, it starts elsewhere. What may be at a
   * provider is adopted by the provider's lane, and never made again.
   */
  private async freeLostLeases(): Promise<void> {
    await this.database.query(
      `WITH free AS (
         SELECT jobs.id FROM jobs LEFT JOIN instances ON instances.id = jobs.instance_id
         WHERE jobs.finished_at IS NULL AND jobs.lease_until < now() AND jobs.provider_create_at IS NULL
           AND (jobs.prompt_id IS NULL OR jobs.lease_until < now() - make_interval(secs => $1)
             -- a new driver has yet to look, however long the start of its process took
             AND NOT (coalesce(instances.lease_until > now(), false)
               AND (instances.state = 'ready' OR instances.state_since > now() - make_interval(secs => $1))))
         FOR UPDATE OF jobs SKIP LOCKED
       ), freed AS (
         UPDATE jobs SET status = 'queued', lease_owner = NULL, lease_until = NULL, instance_id = NULL,
           prompt_id = NULL, deadline_at = NULL, event_sequence = event_sequence + 1
         FROM free WHERE jobs.id = free.id RETURNING jobs.id, jobs.event_sequence
       ), ended AS (
         UPDATE job_prompts SET ended_at = now(), outcome = 'lost' FROM freed
         WHERE job_prompts.job_id = freed.id AND ended_at IS NULL
       )
       INSERT INTO job_events (job_id, id, type, data)
       SELECT id, event_sequence, 'status', '{"status":"queued"}' FROM freed`,
      [this.config.comfy.instanceGraceSeconds],
    );
  }

  private async cancelUnheld(): Promise<void> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM jobs WHERE finished_at IS NULL AND cancel_requested_at IS NOT NULL
         AND (lease_owner IS NULL OR lease_until < now() AND provider_create_at IS NULL) LIMIT ${BATCH}`,
    );
    for (const { id } of rows) await this.settlement.cancelFree(id);
  }

  private async expire(): Promise<void> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM jobs WHERE queue_expires_at < now() AND (status = 'queued' AND lease_owner IS NULL
         -- at a provider that no worker drives any more
         OR finished_at IS NULL AND provider_create_at IS NOT NULL AND lease_until < now() - interval '5 minutes')
       LIMIT ${BATCH}`,
    );
    for (const { id } of rows) {
      await this.settlement.failFree(id, {
        code: 'jobs.expired',
        message: `Nothing could take the job within ${this.config.jobs.maxQueueHours} hours.`,
        hint: 'Order it again later; nothing was charged.',
        retryable: true,
      });
    }
  }

  /** Files that a start had stored before it was cancelled, failed or lost belong to no result. */
  private async discardVainOutputs(): Promise<void> {
    const prompts = await this.database.query<{ id: string; jobId: string }>(
      `SELECT prompt_id AS id, job_id AS "jobId" FROM job_prompts
       WHERE running_at IS NOT NULL AND outcome <> 'succeeded' AND discarded_at IS NULL
         AND ended_at < now() - make_interval(secs => $1)
         -- Whatever the prompt's row says: what a succeeded job shows is never in vain.
         AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_prompts.job_id
           AND jobs.prompt_id = job_prompts.prompt_id AND jobs.status = 'succeeded') LIMIT ${BATCH}`,
      [SETTLED_AFTER_SECONDS],
    );
    for (const { id, jobId } of prompts) {
      await this.files.discardOutputs(jobId, id);
      await this.database.query(
        'UPDATE job_prompts SET discarded_at = now() WHERE prompt_id = $1',
        [id],
      );
    }
  }

  /** Progress rows go an hour after the end, status rows stay; old idempotency keys go. */
  async keepHouse(): Promise<void> {
    await this.database.query(
      `DELETE FROM job_events USING jobs
       WHERE job_events.job_id = jobs.id AND job_events.type <> 'status'
         AND jobs.finished_at < now() - interval '1 hour' AND job_events.created_at < now() - interval '1 hour'`,
    );
    await this.database.query(
      `DELETE FROM job_previews USING jobs
       WHERE job_previews.job_id = jobs.id AND jobs.finished_at < now() - interval '1 hour'`,
    );
    await this.discardVainOutputs();
    await this.idempotency.sweep();
  }
}
