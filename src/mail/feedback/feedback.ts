import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { MailMetrics } from '../mail-metrics.js';
import { afterEvent, type Reported } from './after-event.js';
import type { SesEvent } from './ses-event.js';
import { Suppressions } from './suppressions.js';

interface Row extends Reported {
  readonly id: string;
  readonly recipient: string;
}

/** Writes what SES reports to the mail's row, and keeps addresses from which mails came back. */
@Injectable()
export class Feedback {
  constructor(
    private readonly database: Database,
    private readonly suppressions: Suppressions,
    private readonly metrics: MailMetrics,
  ) {}

  /** Safe to repeat and in any order. An event about a mail that is not ours changes nothing. */
  async take(event: SesEvent): Promise<void> {
    await this.database.transaction(async () => {
      const row = await this.find(event);
      if (!row) return;
      await this.write(row, afterEvent(row, event), event);
      if (event.kind === 'complained') {
        await this.suppressions.add(row.recipient, 'complaint', row.id, event.detail);
      } else if (event.bounceType === 'permanent') {
        await this.suppressions.add(row.recipient, 'bounce', row.id, event.detail);
      }
    });
    this.metrics.events.inc({ kind: event.kind });
  }

  /** By our own id, which an event may carry before our record of the provider's id is there. */
  private find({ emailId, providerMessageId }: SesEvent): Promise<Row | undefined> {
    const columns = 'id, recipient, status, bounce_type AS "bounceType"';
    return emailId === undefined
      ? this.database.one<Row>(
          `SELECT ${columns} FROM emails WHERE provider_message_id = $1 FOR UPDATE`,
          [providerMessageId],
        )
      : this.database.one<Row>(`SELECT ${columns} FROM emails WHERE id = $1 FOR UPDATE`, [emailId]);
  }

  private async write(before: Row, after: Reported, event: SesEvent): Promise<void> {
    if (after.status === before.status && after.bounceType === before.bounceType) return;
    const wentOut = after.status !== 'undeliverable';
    await this.database.query(
      `UPDATE emails SET status = $2, bounce_type = $3,
         provider_message_id = coalesce(provider_message_id, $4),
         sent_at = CASE WHEN $5 THEN coalesce(sent_at, now()) ELSE sent_at END,
         attempts = greatest(attempts, 1),
         last_error = CASE WHEN $6::text IS NOT NULL THEN left($6, 500)
           WHEN $2 IN ('sent', 'delivered') THEN NULL ELSE last_error END,
         unknown_since = NULL, lease_until = NULL, lease_owner = NULL
       WHERE id = $1`,
      [
        before.id,
        after.status,
        after.bounceType,
        event.providerMessageId,
        wentOut,
        event.detail ?? null,
      ],
    );
  }
}
