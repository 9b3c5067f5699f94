import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import { HELD, JOB_EVENTS_CHANNEL, type JobLease } from './job-lease.js';

/**
 * Progress of a leased job, as rows that every stream reads. Fenced like all writes of a holder; a
 * lost lease is not an error here, because the next fenced step finds it.
 */
@Injectable()
export class JobProgress {
  constructor(private readonly database: Database) {}

  /** Records percent (0–100, never going back) and step. The caller keeps to 2 per second. */
  async report(lease: JobLease, percent: number, step: string | null): Promise<void> {
    await this.database.prepared(
      'report-progress',
      `WITH held AS (
         UPDATE jobs SET progress_percent = greatest(progress_percent, $4), progress_step = $5,
           event_sequence = event_sequence + 1
         WHERE ${HELD} RETURNING id, event_sequence, progress_percent, progress_step
       ), event AS (
         INSERT INTO job_events (job_id, id, type, data)
         SELECT id, event_sequence, 'progress',
           jsonb_build_object('percent', progress_percent, 'step', progress_step) FROM held
       )
       SELECT pg_notify('${JOB_EVENTS_CHANNEL}', id::text) FROM held`,
      [lease.jobId, lease.epoch, lease.owner, Math.min(100, Math.max(0, percent)), step],
    );
  }

  /** Keeps the latest preview picture; earlier ones are replaced. */
  async preview(lease: JobLease, mimeType: string, bytes: Buffer): Promise<void> {
    await this.database.query(
      `WITH held AS (
         UPDATE jobs SET event_sequence = event_sequence + 1 WHERE ${HELD} RETURNING id, event_sequence
       ), picture AS (
         INSERT INTO job_previews (job_id, mime_type, bytes) SELECT id, $4, $5 FROM held
         ON CONFLICT (job_id) DO UPDATE
           SET mime_type = excluded.mime_type, bytes = excluded.bytes, created_at = now()
       ), event AS (
         INSERT INTO job_events (job_id, id, type, data) SELECT id, event_sequence, 'preview', '{}' FROM held
       )
       SELECT pg_notify('${JOB_EVENTS_CHANNEL}', id::text) FROM held`,
      [lease.jobId, lease.epoch, lease.owner, mimeType, bytes],
    );
  }
}
