import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Database } from '../database/database.js';
import { Notifications } from '../database/notifications.js';
import { OUTBOX_CHANNEL, type Topic } from './outbox.js';

export interface OutboxEvent<Payload> {
  readonly id: string;
  readonly payload: Payload;
  readonly createdAt: Date;
  readonly attempts: number;
}

/** Returns the ids that are done; the others stay and are tried again later. */
type BatchHandler = (events: OutboxEvent<never>[]) => Promise<readonly string[]>;

interface Registration {
  readonly batchSize: number;
  readonly handle: BatchHandler;
}

interface Row extends OutboxEvent<never> {
  readonly topic: string;
}

const POLL_MS = 1_000;
const MAX_BACKOFF_SECONDS = 30;

/**
 * Hands the outbox's events to their handlers, oldest first, in a transaction that also removes
 * them: what a handler writes to the database happens exactly once, what it does elsewhere at least
 * once. Several processes share the work (SKIP LOCKED). A handler that throws leaves its events,
 * which come again after a growing pause.
 */
@Injectable()
export class OutboxDispatcher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(OutboxDispatcher.name);
  private readonly registrations = new Map<string, Registration>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private isClosing = false;

  constructor(
    private readonly database: Database,
    private readonly notifications: Notifications,
  ) {}

  /** One event at a time, in one transaction with its removal. Call before the application starts. */
  on<Payload extends object>(
    topic: Topic<Payload>,
    handle: (event: OutboxEvent<Payload>) => Promise<void>,
  ): void {
    this.onBatch(topic, 1, async (events) => {
      for (const event of events) await handle(event);
      return events.map((event) => event.id);
    });
  }

  /** Up to `batchSize` events at once; the handler returns the ids that are done. */
  onBatch<Payload extends object>(
    topic: Topic<Payload>,
    batchSize: number,
    handle: (events: OutboxEvent<Payload>[]) => Promise<readonly string[]>,
  ): void {
    if (this.registrations.has(topic.name)) {
      throw new Error(`The event ${topic.name} has two handlers.`);
    }
    this.registrations.set(topic.name, { batchSize, handle: handle as BatchHandler });
  }

  /** Ends the pauses of this topic's failed events: what they waited for is there again. */
  async retryNow(topic: Topic<object>): Promise<void> {
    await this.database.query(
      'UPDATE outbox SET available_at = now() WHERE topic = $1 AND available_at > now()',
      [topic.name],
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.registrations.size === 0) return;
    this.unsubscribe = await this.notifications.subscribe(OUTBOX_CHANNEL, (topic) =>
      topic === '' ? this.drainAll() : this.drain(topic),
    );
    this.timer = setInterval(() => this.drainAll(), POLL_MS);
    this.drainAll();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isClosing = true;
    clearInterval(this.timer);
    this.unsubscribe?.();
    await Promise.all(this.running.values());
  }

  private drainAll(): void {
    for (const topic of this.registrations.keys()) this.drain(topic);
  }

  private drain(topic: string): void {
    const registration = this.registrations.get(topic);
    if (!registration || this.isClosing) return;
    if (this.running.has(topic)) {
      this.again.add(topic);
      return;
    }
    const run = this.drainTopic(topic, registration)
      .catch((error: unknown) => this.logger.warn({ err: error, topic }, 'outbox pass failed'))
      .finally(() => {
        this.running.delete(topic);
        if (this.again.delete(topic)) this.drain(topic);
      });
    this.running.set(topic, run);
  }

  private async drainTopic(topic: string, registration: Registration): Promise<void> {
    while (!this.isClosing) {
      let taken: Row[] = [];
      try {
        await this.database.transaction(async () => {
          taken = await this.take(topic, registration.batchSize);
          if (taken.length === 0) return;
          const done = new Set(await registration.handle(taken));
          await this.database.query('DELETE FROM outbox WHERE id = ANY($1)', [[...done]]);
          const left = taken.filter((event) => !done.has(event.id)).map((event) => event.id);
          if (left.length > 0) await this.postpone(left, 'not accepted');
        });
      } catch (error) {
        this.logger.warn({ err: error, topic }, 'outbox handler failed');
        if (taken.length === 0) return;
        const reason = error instanceof Error ? error.message : String(error);
        await this.postpone(
          taken.map((event) => event.id),
          reason,
        );
      }
      if (taken.length < registration.batchSize) return;
    }
  }

  private take(topic: string, limit: number): Promise<Row[]> {
    return this.database.query<Row>(
      `SELECT id, topic, payload, created_at AS "createdAt", attempts FROM outbox
       WHERE topic = $1 AND available_at <= now()
       ORDER BY sequence FOR UPDATE SKIP LOCKED LIMIT $2`,
      [topic, limit],
    );
  }

  private async postpone(ids: readonly string[], reason: string): Promise<void> {
    await this.database.query(
      `UPDATE outbox SET attempts = attempts + 1, last_error = left($2, 500),
         available_at = now() + make_interval(secs => least(power(2, attempts), $3::float8))
       WHERE id = ANY($1)`,
      [ids, reason, MAX_BACKOFF_SECONDS],
    );
  }
}
