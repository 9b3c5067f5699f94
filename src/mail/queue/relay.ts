import { SendMessageBatchCommand, type SendMessageBatchCommandOutput } from '@aws-sdk/client-sqs';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { OutboxDispatcher, type OutboxEvent } from '../../platform/index.js';
import { emailDue } from '../emails.js';
import { SqsClients } from './sqs-clients.js';

/** What SQS takes in one call. */
const BATCH = 10;

/**
 * Carries due mails from the outbox to SQS, ten at a time; what SQS refuses stays in the outbox and
 * is tried again alone. A message may go out twice (SQS took it, we died): it carries the row's id
 * only, and the row knows.
 */
@Injectable()
export class Relay implements OnModuleInit {
  private readonly logger = new Logger(Relay.name);
  private isAway = false;

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
    const answer = await this.sendBatch(events);
    if (this.isAway) {
      this.isAway = false;
      this.logger.log('SQS is back');
      await this.dispatcher.retryNow(emailDue);
    }
    for (const failed of answer.Failed ?? []) {
      this.logger.warn({ code: failed.Code, reason: failed.Message }, 'SQS refused a message');
    }
    return (answer.Successful ?? []).flatMap((entry) => entry.Id ?? []);
  }

  private async sendBatch(
    events: OutboxEvent<{ emailId: string }>[],
  ): Promise<SendMessageBatchCommandOutput> {
    const command = new SendMessageBatchCommand({
      QueueUrl: this.config.mail.queueUrl,
      Entries: events.map((event) => ({
        Id: event.id,
        MessageBody: JSON.stringify({ emailId: event.payload.emailId }),
      })),
    });
    try {
      return await this.clients.sending.send(command);
    } catch (error) {
      this.isAway = true;
      throw error;
    }
  }
}
