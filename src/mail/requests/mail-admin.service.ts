import { Injectable } from '@nestjs/common';
import { AuditTrail } from '../../auth/index.js';
import { Database, decodeCursor, Outbox, toPage, type Page } from '../../platform/index.js';
import { emailDue } from '../emails.js';
import { mailError } from '../mail.errors.js';
import type { AdminEmailView, EmailsQuery } from './mail-admin.dto.js';

const COLUMNS = `id, kind, user_id AS "userId", job_id AS "jobId", recipient, status, attempts,
  possible_copies AS "possibleCopies", crashes, next_attempt_at AS "nextAttemptAt",
  provider_message_id AS "providerMessageId", last_error AS "lastError", created_at AS "createdAt",
  sent_at AS "sentAt"`;

/** Those that never went out. */
const REPLAYABLE = ['dead', 'undeliverable', 'suppressed'];

/** What operators do with mails: look, and bring back what was given up. */
@Injectable()
export class MailAdmin {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly audit: AuditTrail,
  ) {}

  /** Newest first. */
  async list({ status, recipient, limit, cursor }: EmailsQuery): Promise<Page<AdminEmailView>> {
    const after = decodeCursor(cursor);
    const rows = await this.database.query<AdminEmailView>(
      `SELECT ${COLUMNS} FROM emails
       WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR recipient = lower($2))
         AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
       ORDER BY created_at DESC, id DESC LIMIT $5`,
      [status ?? null, recipient ?? null, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
    return toPage(rows, limit, (row) => row);
  }

  /**
   * Gives a mail that never went out its five tries back. Throws mail.not_found, and
   * mail.already_ended for one that is on its way or was sent.
   */
  async replay(id: string): Promise<AdminEmailView> {
    return this.database.transaction(async () => {
      const row = await this.database.one<AdminEmailView>(
        `SELECT ${COLUMNS} FROM emails WHERE id = $1 FOR UPDATE`,
        [id],
      );
      if (!row) throw mailError('mail.not_found', 'No mail has this id.');
      if (!REPLAYABLE.includes(row.status)) {
        throw mailError('mail.already_ended', `The mail is ${row.status}; nothing is to be done.`);
      }
      const [replayed] = await this.queueAgain([id]);
      if (!replayed) throw new Error('The mail was not queued again.');
      return replayed;
    });
  }

  /** {@link replay} for every mail that failed five times. Returns how many. */
  async replayDead(): Promise<number> {
    return this.database.transaction(async () => {
      const dead = await this.database.query<{ id: string }>(
        `SELECT id FROM emails WHERE status = 'dead' FOR UPDATE SKIP LOCKED`,
      );
      await this.queueAgain(dead.map(({ id }) => id));
      return dead.length;
    });
  }

  private async queueAgain(ids: readonly string[]): Promise<AdminEmailView[]> {
    const rows = await this.database.query<AdminEmailView>(
      `UPDATE emails SET status = 'queued', attempts = 0, waits = 0, crashes = 0, last_error = NULL,
         next_attempt_at = now(), messaged_at = now()
       WHERE id = ANY($1) RETURNING ${COLUMNS}`,
      [ids],
    );
    for (const { id, userId } of rows) {
      await this.outbox.append(emailDue, { emailId: id });
      await this.audit.record({
        kind: 'mail.replayed',
        subjectId: userId,
        details: { emailId: id },
      });
    }
    return rows;
  }
}
