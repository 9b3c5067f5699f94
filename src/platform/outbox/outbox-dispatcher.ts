import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Database } from '../database/database.js';
import { Notifications } from '../database/notifications.js';
import { GrowingPause } from './growing-pause.js';
import { OUTBOX_CHANNEL, type Topic } from './outbox.js';

export interface OutboxEvent<Payload> {
  readonly id: string;
  readonly payload: Payload;
  readonly createdAt: Date;
  readonly attempts: number;
}

/** Returns the ids that are done; the others stay and are tried again later, each by itself. */
type BatchHandler = (events: OutboxEvent<never>[]) => Promise<readonly string[]>;

interface Registration {
  readonly batchSize: number;
  readonly handle: BatchHandler;
  /** Present where a handler that throws says that nothing of its topic can go. */
  readonly pause?: GrowingPause;
  /** On the monotonic clock; this process takes nothing of the topic before. */
  pausedUntil: number;
}

interface Row extends OutboxEvent<never> {
  readonly topic: string;
}

/** Of the topic $1. */
const DUE = 'topic = $1 AND available_at <= now()';
const POLL_MS = 1_000;
const MAX_BACKOFF_SECONDS = 30;
const FIRST_PAUSE_MS = 250;
/** One question of each process every so often costs nobody anything, and what waits goes soon after. */
const LONGEST_PAUSE_MS = 5_000;

/**
 * Hands the outbox's events to their handlers, oldest first, in a transaction that also removes
 * them: what a handler writes to the database happens exactly once, what it does elsewhere at least
 * once. Several processes share the work (SKIP LOCKED). An event that fails comes again after a
 * growing pause of its own; where a whole batch fails, all of the topic waits, in order.
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

  /**
   * One event at a time, in one transaction with its removal. A handler that throws postpones this
   * event alone. Call before the application starts.
   */
  on<Payload extends object>(
    topic: Topic<Payload>,
    handle: (event: OutboxEvent<Payload>) => Promise<void>,
  ): void {
    this.register(topic.name, {
      batchSize: 1,
      handle: async (events) => {
        for (const event of events) await handle(event as OutboxEvent<never>);
        return events.map((event) => event.id);
      },
      pausedUntil: 0,
    });
  }

  /**
   * Up to `batchSize` events at once; the handler returns the ids that are done, and the others are
   * postponed. When it throws, whatever it carries them to is away: the rows stay as they are, and
   * this process tries the oldest again after 0.25 s, growing to 5 s.
   */
  onBatch<Payload extends object>(
    topic: Topic<Payload>,
    batchSize: number,
    handle: (events: OutboxEvent<Payload>[]) => Promise<readonly string[]>,
  ): void {
    this.register(topic.name, {
      batchSize,
      handle: handle as BatchHandler,
      pause: new GrowingPause(FIRST_PAUSE_MS, LONGEST_PAUSE_MS),
      pausedUntil: 0,
    });
  }

  private register(topic: string, registration: Registration): void {
    if (this.registrations.has(topic)) throw new Error(`The event ${topic} has two handlers.`);
    this.registrations.set(topic, registration);
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
    if (performance.now() < registration.pausedUntil) return;
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
    // Most passes find nothing: looking alone takes one statement, a transaction three.
    while (!this.isClosing && (await this.isWaiting(topic))) {
      let taken: Row[] = [];
      try {
        await this.database.transaction(async () => {
          taken = await this.take(topic, registration.batchSize);
          if (taken.length > 0) await this.handOver(taken, registration);
        });
        registration.pause?.reset();
      } catch (error) {
        this.logger.warn({ err: error, topic }, 'outbox handler failed');
        const [oldest] = taken;
        if (!oldest) return;
        const reason = error instanceof Error ? error.message : String(error);
        if (registration.pause) {
          registration.pausedUntil = performance.now() + registration.pause.nextMs();
          await this.note(oldest.id, reason);
          return;
        }
        await this.postpone(
          taken.map((event) => event.id),
          reason,
        );
      }
      if (taken.length < registration.batchSize) return;
    }
  }

  private async handOver(taken: Row[], { handle }: Registration): Promise<void> {
    const done = new Set(await handle(taken));
    await this.database.query('DELETE FROM outbox WHERE id = ANY($1)', [[...done]]);
    const left = taken.filter((event) => !done.has(event.id)).map((event) => event.id);
    if (left.length > 0) await this.postpone(left, 'not accepted');
  }

  private async isWaiting(topic: string): Promise<boolean> {
    const rows = await this.database.prepared(
      'outbox-waiting',
      `SELECT 1 FROM outbox WHERE ${DUE} LIMIT 1`,
      [topic],
    );
    return rows.length > 0;
  }

  private take(topic: string, limit: number): Promise<Row[]> {
    return this.database.query<Row>(
      `SELECT id, topic, payload, created_at AS "createdAt", attempts FROM outbox
       WHERE ${DUE}
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

  /** For who looks why nothing moves: one row stands for all that wait behind it. */
  private async note(id: string, reason: string): Promise<void> {
    await this.database.query(
      'UPDATE outbox SET attempts = attempts + 1, last_error = left($2, 500) WHERE id = $1',
      [id, reason],
    );
  }
}
