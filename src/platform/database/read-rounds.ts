import { within } from '../time-limit.js';
import type { Database, Statement } from './database.js';

/** A statement that hangs holds up those that come after it for so long. */
const PATIENCE_SECONDS = 1;

interface Asked {
  readonly statement: Statement;
  readonly answer: PromiseWithResolvers<object[]>;
}

/**
 * Statements that are wanted while others are under way wait for them and leave together: one write to
 * one connection, however many kinds of reads a crowd of requests is busy with.
 */
export class ReadRounds {
  private underWay: Promise<unknown> = Promise.resolve();
  private readonly starters: (() => void)[] = [];
  private readonly asked: Asked[] = [];

  constructor(private readonly database: Database) {}

  /** Calls `start` when the next round begins; what it asks for at once belongs to that round. */
  join(start: () => void): void {
    this.starters.push(start);
    if (this.starters.length > 1) return;
    void this.underWay.then(() => setImmediate(() => this.begin()));
  }

  /** The statement's rows; only to be called by what {@link join} starts. */
  ask<Row extends object>(statement: Statement): Promise<Row[]> {
    const answer = Promise.withResolvers<object[]>();
    this.asked.push({ statement, answer });
    return answer.promise as Promise<Row[]>;
  }

  private begin(): void {
    for (const start of this.starters.splice(0)) start();
    const asked = this.asked.splice(0);
    // The first asker's request, and whatever it does next, is not the others'.
    const results = this.database.apart(() =>
      this.database.sendTogether(asked.map(({ statement }) => statement)),
    );
    for (const [at, { answer }] of asked.entries()) answer.resolve(results[at] ?? []);
    this.underWay = within(PATIENCE_SECONDS, Promise.allSettled(results)).catch(() => undefined);
  }
}
