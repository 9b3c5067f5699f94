import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { OutboxDispatcher, type OutboxEvent } from '../../platform/index.js';
import { emailDue } from '../emails.js';
import { SqsClients } from './sqs-clients.js';

/** What SQS takes in one call. */
const BATCH = 10;

/**
 * Carries due mails from the outbox to SQS, ten at a time; what SQS refuses stays in the outbox and
 * is tried again alone; while SQS is away all wait there in their order. A message may go out twice
 * (SQS took it, we died): it carries the row's id only, and the row knows.
 */
@Injectable()
export class Relay implements OnModuleInit {
  private readonly logger = new Logger(Relay.name);

  constructor(
    private readonly dispatcher: OutboxDispatcher,
    private readonly clients: SqsClients,
    private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.dispatcher.onBatch(emailDue, BATCH, (events) => this.send(events));
  }

  /** The ids of the events that SQS took. Throws when SQS is away. */
  private async send(events: OutboxEvent<{ emailId: string }>[]): Promise<readonly string[]> {
    const answer = await this.clients.sending.send(
      new SendMessageBatchCommand({
        QueueUrl: this.config.mail.queueUrl,
        Entries: events.map((event) => ({
          Id: event.id,
          MessageBody: JSON.stringify({ emailId: event.payload.emailId }),
        })),
      }),
    );
    for (const failed of answer.Failed ?? []) {
      this.logger.warn({ code: failed.Code, reason: failed.Message }, 'SQS refused a message');
    }
    return (answer.Successful ?? []).flatMap((entry) => entry.Id ?? []);
  }
}
