import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database, defineTopic, Outbox } from '../platform/index.js';
import type { ClaimedEmail, EmailOrder } from './email.js';
import type { NextStep } from './sending/outcome.js';

/** A message for SQS is due for this row. The relay consumes it. */
export const emailDue = defineTopic<{ emailId: string }>('mail.due');

const CLAIMED = `id, kind, user_id AS "userId", job_id AS "jobId", recipient,
  recipient_name AS "recipientName", payload, attempts, waits, crashes,
  lease_epoch AS "leaseEpoch", unknown_since IS NOT NULL AS "isUnknown"`;

/**
 * A due row that nobody took for this many MAIL_RETRY_SECONDS (5 min) may have lost its message. The
 * next one follows after twice the time: the queue may only be long, or SQS away.
 */
const MESSAGE_LOST_AFTER = 10;

/**
 * The rows of mails: the truth about what was ordered, who holds it and what became of it. All times
 * are the database's. Every write that a holder makes names its lease's epoch.
 */
@Injectable()
export class Emails {
  private readonly owner = randomUUID();

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly config: Config,
  ) {}

  /**
   * Writes the mail's row and its first message in the caller's transaction. Repeating the same
   * event and recipient is a no-op. Returns the new row's id, or undefined when it was there.
   */
  async order(order: EmailOrder): Promise<string | undefined> {
    const row = await this.database.one<{ id: string }>(
      `INSERT INTO emails (event_id, kind, user_id, job_id, recipient, recipient_name, payload)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (event_id, recipient) DO NOTHING RETURNING id`,
      [
        order.eventId,
        order.kind,
        order.userId,
        order.jobId ?? null,
        order.recipient,
        order.recipientName ?? null,
        JSON.stringify(order.payload),
      ],
    );
    if (row) await this.outbox.append(emailDue, { emailId: row.id });
    return row?.id;
  }

  /** Those of the rows that may be claimed now; a cheap look before waiting for turns at SES. */
  async dueAmong(ids: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `SELECT id FROM emails WHERE id = ANY($1) AND status = 'queued' AND next_attempt_at <= now()
         AND (lease_until IS NULL OR lease_until <= now())`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  /** Takes the row for MAIL_LEASE_SECONDS; undefined when it is not due, held, or at its end. */
  async claim(id: string): Promise<ClaimedEmail | undefined> {
    return this.database.one<ClaimedEmail>(
      `UPDATE emails SET lease_epoch = lease_epoch + 1, lease_owner = $2,
         lease_until = now() + make_interval(secs => $3),
         crashes = crashes + (lease_owner IS NOT NULL)::int
       WHERE id = $1 AND status = 'queued' AND next_attempt_at <= now()
         AND (lease_until IS NULL OR lease_until <= now())
       RETURNING ${CLAIMED}`,
      [id, this.owner, this.config.mail.leaseSeconds],
    );
  }

  /**
   * The last look before the request leaves: renews the lease and notes that a request is under way.
   * False when the lease was lost; then nothing may be sent. Counts a request that follows one of
   * unknown outcome as a possible copy.
   */
  async markLeaving(email: ClaimedEmail): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE emails SET possible_copies = possible_copies + (unknown_since IS NOT NULL)::int,
         unknown_since = now(), lease_until = now() + make_interval(secs => $4)
       WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND status = 'queued'
         AND lease_until > now() RETURNING id`,
      [email.id, email.leaseEpoch, this.owner, this.config.mail.leaseSeconds],
    );
    return rows.length > 0;
  }

  /** SES took it. Counts whoever holds the row by now: what was sent was sent. */
  async markSent(id: string, providerMessageId: string): Promise<void> {
    await this.database.query(
      `UPDATE emails SET status = 'sent', sent_at = now(), provider_message_id = $2,
         attempts = attempts + 1, waits = 0, unknown_since = NULL, last_error = NULL,
         lease_until = NULL, lease_owner = NULL
       WHERE id = $1 AND status = 'queued'`,
      [id, providerMessageId],
    );
  }

  /** Writes the outcome of a try that failed and lets the row go. A lost lease changes nothing. */
  async settle(email: ClaimedEmail, step: NextStep, reason: string): Promise<void> {
    await this.database.query(
      `UPDATE emails SET status = $4, attempts = $5, waits = $6, last_error = left($7, 500),
         next_attempt_at = clock_timestamp() + make_interval(secs => $8),
         unknown_since = CASE WHEN $9 THEN coalesce(unknown_since, now()) END,
         lease_until = NULL, lease_owner = NULL
       WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND status = 'queued'`,
      [
        email.id,
        email.leaseEpoch,
        this.owner,
        step.status,
        step.attempts,
        step.waits,
        reason,
        step.delaySeconds,
        step.isUnknown,
      ],
    );
  }

  /** Ends a claimed mail that must not go out. */
  async end(
    email: ClaimedEmail,
    status: 'suppressed' | 'undeliverable' | 'dead',
    reason: string,
  ): Promise<void> {
    await this.database.query(
      `UPDATE emails SET status = $4, last_error = left($5, 500), lease_until = NULL,
         lease_owner = NULL, unknown_since = NULL
       WHERE id = $1 AND lease_epoch = $2 AND lease_owner = $3 AND status = 'queued'`,
      [email.id, email.leaseEpoch, this.owner, status, reason],
    );
  }

  /** Points a claimed mail to where its owner now is; false when the event already has one there. */
  async redirect(email: ClaimedEmail, recipient: string, name: string | null): Promise<boolean> {
    const rows = await this.database.query(
      `UPDATE emails SET recipient = $3, recipient_name = $4
       WHERE id = $1 AND lease_epoch = $2 AND status = 'queued'
         AND NOT EXISTS (SELECT 1 FROM emails other
           WHERE other.event_id = emails.event_id AND other.recipient = $3 AND other.id <> emails.id)
       RETURNING id`,
      [email.id, email.leaseEpoch, recipient, name],
    );
    return rows.length > 0;
  }

  /**
   * Makes a new message for every row that is due, free and at no end, and whose last message is
   * spent or lost. Safe to run in several processes at once. Returns how many.
   */
  async remind(limit: number): Promise<number> {
    return this.database.transaction(async () => {
      const rows = await this.database.query<{ id: string }>(
        `UPDATE emails SET messaged_at = clock_timestamp() WHERE id IN (
           SELECT id FROM emails WHERE status = 'queued' AND next_attempt_at <= now()
             AND (lease_until IS NULL OR lease_until <= now())
             AND (messaged_at < next_attempt_at OR messaged_at < lease_until
               OR messaged_at < now() - greatest(make_interval(secs => $2), messaged_at - next_attempt_at))
           ORDER BY next_attempt_at FOR UPDATE SKIP LOCKED LIMIT $1)
         RETURNING id`,
        [limit, MESSAGE_LOST_AFTER * this.config.mail.retrySeconds],
      );
      for (const { id } of rows) await this.outbox.append(emailDue, { emailId: id });
      return rows.length;
    });
  }

  /** How many mails wait, and how many were given up. */
  async count(): Promise<{ queued: number; dead: number }> {
    const rows = await this.database.query<{ status: 'queued' | 'dead'; count: number }>(
      `SELECT status, count(*) AS count FROM emails WHERE status IN ('queued', 'dead') GROUP BY status`,
    );
    const of = (status: string) => rows.find((row) => row.status === status)?.count ?? 0;
    return { queued: of('queued'), dead: of('dead') };
  }
}
