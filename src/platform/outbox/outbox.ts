import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';

/**
 * A kind of event with the shape of its payload. The module that causes it defines and exports it;
 * exactly one handler in the product consumes it. Payloads carry ids, never secrets.
 */
export interface Topic<Payload extends object> {
  readonly name: string;
  /** Only for the compiler: ties the payload's type to the topic. */
  readonly payload?: Payload;
}

export const defineTopic = <Payload extends object>(name: string): Topic<Payload> => ({ name });

export const OUTBOX_CHANNEL = 'outbox';

/** Appends events inside the transaction that causes them: both happen or neither. */
@Injectable()
export class Outbox {
  constructor(private readonly database: Database) {}

  /**
   * Must be called inside a transaction. The event's id is unique for ever, so a consumer can use
   * it as a key. Returns that id.
   */
  async append<Payload extends object>(topic: Topic<Payload>, payload: Payload): Promise<string> {
    if (!this.database.isInTransaction) {
      throw new Error(`The event ${topic.name} was appended outside a transaction.`);
    }
    const id = randomUUID();
    await this.database.query(
      `WITH event AS (INSERT INTO outbox (id, topic, payload) VALUES ($1, $2, $3))
       SELECT pg_notify($4, $2)`,
      [id, topic.name, JSON.stringify(payload), OUTBOX_CHANNEL],
    );
    return id;
  }

  /** Removes this topic's events whose payload contains `part`, but for those that are being handled. */
  async withdraw<Payload extends object>(
    topic: Topic<Payload>,
    part: Partial<Payload>,
  ): Promise<void> {
    await this.database.query(
      `DELETE FROM outbox WHERE id IN (
         SELECT id FROM outbox WHERE topic = $1 AND payload @> $2::jsonb FOR UPDATE SKIP LOCKED)`,
      [topic.name, JSON.stringify(part)],
    );
  }
}
