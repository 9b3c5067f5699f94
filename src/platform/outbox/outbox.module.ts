import { Global, Module } from '@nestjs/common';
import { Outbox } from './outbox.js';
import { OutboxDispatcher } from './outbox-dispatcher.js';
import { OutboxMetrics } from './outbox-metrics.js';

/** Events that leave with the transaction that causes them. */
@Global()
@Module({
  providers: [Outbox, OutboxDispatcher, OutboxMetrics],
  exports: [Outbox, OutboxDispatcher],
})
export class OutboxModule {}
