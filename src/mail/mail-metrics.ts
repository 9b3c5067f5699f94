import { Injectable } from '@nestjs/common';
import { counter, Database, gauge, MetricReadings } from '../platform/index.js';

/** Figures about mails for Prometheus; one set per process. */
@Injectable()
export class MailMetrics {
  readonly mails = counter('mails_total', 'Mails by what became of them', ['kind', 'status']);
  readonly tries = counter('mail_tries_total', 'Tries that SES did not accept', ['outcome']);
  readonly possibleCopies = counter(
    'mail_possible_copies_total',
    'Requests repeated without knowing what became of the one before',
  );
  readonly events = counter('mail_events_total', 'Events that SES reported', ['kind']);
  readonly unreadable = counter('mail_unreadable_messages_total', 'SQS messages without a row id');
  readonly rows = gauge('mail_rows', 'Mails that are waiting or dead, in the database', ['status']);
  private readonly lag = gauge('mail_lag_seconds', 'Age of the oldest mail that is due');

  constructor(
    private readonly database: Database,
    readings: MetricReadings,
  ) {
    readings.add('mail', () => this.read());
  }

  private async read(): Promise<void> {
    const due = await this.database.one<{ lag: number }>(
      `SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS lag
       FROM emails WHERE status = 'queued' AND next_attempt_at <= now()`,
    );
    this.lag.set(due?.lag ?? 0);
  }
}
