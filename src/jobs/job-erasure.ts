import { Injectable } from '@nestjs/common';
import { People } from '../auth/index.js';
import { Database } from '../platform/index.js';
import { JOB_WISH_CHANNEL } from './job-lease.js';
import { JobSettlement } from './job-settlement.js';

/** An erased person's jobs: first they end, then nothing personal is left in them. */
@Injectable()
export class JobErasure {
  constructor(
    private readonly database: Database,
    private readonly settlement: JobSettlement,
    people: People,
  ) {
    people.onErase((personId) => this.end(personId), 'stop');
    people.onErase((personId) => this.blank(personId), 'remove');
  }

  /** Cancels what waits, and wishes an end to what runs; nothing of it is charged. */
  private async end(personId: string): Promise<void> {
    const open = await this.database.query<{ id: string }>(
      `WITH wish AS (
         UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, now())
         WHERE user_id = $1 AND finished_at IS NULL RETURNING id
       ) SELECT id, pg_notify('${JOB_WISH_CHANNEL}', id::text) FROM wish`,
      [personId],
    );
    for (const { id } of open) await this.settlement.cancelFree(id);
  }

  /** Rows stay for the ledger, without words and pictures. Throws while a job still runs: try again. */
  private async blank(personId: string): Promise<void> {
    const open = await this.database.one(
      'SELECT 1 FROM jobs WHERE user_id = $1 AND finished_at IS NULL',
      [personId],
    );
    if (open) throw new Error('A job of the erased person has not ended yet.');
    await this.database.query(
      `WITH theirs AS (
         UPDATE jobs SET parameters = '{}' WHERE user_id = $1 RETURNING id
       ), texts AS (
         UPDATE job_outputs SET text = '' FROM theirs WHERE job_id = theirs.id AND type = 'text'
       ), events AS (
         DELETE FROM job_events USING theirs WHERE job_id = theirs.id AND type <> 'status'
       )
       DELETE FROM job_previews USING theirs WHERE job_id = theirs.id`,
      [personId],
    );
  }
}
