import type { Message } from '@aws-sdk/client-sqs';
import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { SqsConsumerEventHandler, SqsMessageHandler, SqsService } from '@ssut/nestjs-sqs';
import { isUUID } from 'class-validator';
import { MailMetrics } from '../mail-metrics.js';
import { Sender } from '../sending/sender.js';
import { CalmLog } from './calm-log.js';
import { InHand } from './in-hand.js';

export const MAIL_QUEUE = 'mail';

const emailIdOf = (message: Message): string | undefined => {
  try {
    const body: unknown = JSON.parse(message.Body ?? '');
    const id: unknown = typeof body === 'object' && body && 'emailId' in body ? body.emailId : '';
    return isUUID(id) ? (id as string) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * Takes messages from SQS and lets {@link Sender} do what they ask. A message that can be read is
 * always acknowledged: later tries are new messages. One that cannot is left to the redrive policy,
 * which moves it to the dead-letter queue.
 */
@Injectable()
export class MailConsumer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(MailConsumer.name);
  private readonly calm = new CalmLog(this.logger);
  private readonly inHand = new InHand();

  constructor(
    private readonly sqs: SqsService,
    private readonly sender: Sender,
    private readonly metrics: MailMetrics,
  ) {}

  onApplicationBootstrap(): void {
    // Without a handler the library only warns.
    if (!this.sqs.consumers.has(MAIL_QUEUE)) throw new Error('The mail queue has no consumer.');
  }

  /** The database closes after this. */
  async beforeApplicationShutdown(): Promise<void> {
    this.sqs.consumers.get(MAIL_QUEUE)?.instance.stop({ abort: true });
    await this.inHand.close();
  }

  /** Returns the messages that can be read, which acknowledges them. */
  @SqsMessageHandler(MAIL_QUEUE, true)
  async take(messages: Message[]): Promise<Message[]> {
    const readable = messages.flatMap((message) => {
      const emailId = emailIdOf(message);
      return emailId === undefined ? [] : [{ message, emailId }];
    });
    const unreadable = messages.length - readable.length;
    if (unreadable > 0) {
      this.metrics.unreadable.inc(unreadable);
      this.calm.warn('A message in the queue of the mails names no mail.');
    }
    await this.inHand.run(() => this.deliver(readable.map(({ emailId }) => emailId)));
    return readable.map(({ message }) => message);
  }

  private async deliver(emailIds: readonly string[]): Promise<void> {
    try {
      await this.sender.deliver(emailIds);
    } catch (error) {
      this.logger.warn({ err: error }, 'mails were left to the sweeper');
    }
  }

  /** Without this listener any trouble with SQS would end the process. */
  @SqsConsumerEventHandler(MAIL_QUEUE, 'error')
  onError(error: Error): void {
    if (!this.inHand.isClosed) this.calm.warn(`SQS: ${error.message}`);
  }
}
