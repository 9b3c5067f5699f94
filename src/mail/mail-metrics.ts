import { Injectable } from '@nestjs/common';
import { Counter, Gauge, register } from 'prom-client';

const counter = (name: string, help: string, labelNames: string[] = []): Counter => {
  const known = register.getSingleMetric(name);
  return known instanceof Counter ? known : new Counter({ name, help, labelNames });
};

const gauge = (name: string, help: string, labelNames: string[] = []): Gauge => {
  const known = register.getSingleMetric(name);
  return known instanceof Gauge ? known : new Gauge({ name, help, labelNames });
};

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
}
