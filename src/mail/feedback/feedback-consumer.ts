import type { Message } from '@aws-sdk/client-sqs';
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { SqsConsumerEventHandler, SqsMessageHandler, SqsService } from '@ssut/nestjs-sqs';
import { CalmLog } from '../queue/calm-log.js';
import { InHand } from '../queue/in-hand.js';
import { Feedback } from './feedback.js';
import { readSesEvent } from './ses-event.js';

export const EVENTS_QUEUE = 'mail-events';

/** Takes the events of SES from their own queue. What cannot be stored now comes again by itself. */
@Injectable()
export class FeedbackConsumer implements BeforeApplicationShutdown {
  private readonly calm = new CalmLog(new Logger(FeedbackConsumer.name));
  private readonly inHand = new InHand();

  constructor(
    private readonly sqs: SqsService,
    private readonly feedback: Feedback,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    this.sqs.consumers.get(EVENTS_QUEUE)?.instance.stop({ abort: true });
    await this.inHand.close();
  }

  /** Throws what is unreadable or could not be stored, which leaves it in the queue. */
  @SqsMessageHandler(EVENTS_QUEUE, false)
  async take(message: Message): Promise<Message> {
    const event = readSesEvent(message.Body ?? '');
    if (event) await this.inHand.run(() => this.feedback.take(event));
    return message;
  }

  @SqsConsumerEventHandler(EVENTS_QUEUE, 'error')
  onError(error: Error): void {
    if (!this.inHand.isClosed) this.calm.warn(`SQS: ${error.message}`);
  }

  @SqsConsumerEventHandler(EVENTS_QUEUE, 'processing_error')
  onProcessingError(error: Error): void {
    if (!this.inHand.isClosed) this.calm.warn(error.message);
  }
}
