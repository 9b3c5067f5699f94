import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import { creditsError } from './credits.errors.js';
import { ENTRY_COLUMNS, type Balance, type Entry, type EntryType } from './entry.js';

export interface Reservation {
  readonly jobId: string;
  /** Whole credits, 0 or more. */
  readonly credits: number;
}

export interface Grant {
  readonly userId: string;
  /** Whole credits; negative corrects an earlier grant downwards. Never 0. */
  readonly amount: number;
  readonly reason: string;
  /** The admin who decided; absent: the system did. */
  readonly actorId?: string | undefined;
  /** Names a grant that happens once for ever: a repeat with the same key changes nothing. */
  readonly key?: string | undefined;
}

interface Movement {
  readonly userId: string;
  readonly type: EntryType;
  readonly availableDelta: number;
  readonly reservedDelta: number;
  readonly jobId?: string;
  readonly reason?: string;
  readonly actorId?: string | undefined;
  readonly key?: string | undefined;
}

interface Held {
  userId: string;
  credits: number;
}

const MAX_AMOUNT = 1_000_000_000;

/**
 * The exact ledger: every change of a balance is one entry, written in the same statement as the
 * balance. Every method joins the caller's transaction, so that a job and its credits commit or
 * roll back together.
 */
@Injectable()
export class Ledger {
  constructor(private readonly database: Database) {}

  /**
   * Holds credits for jobs so that they cannot be spent twice: for all of them, or it throws.
   * Repeating it for the same job, person and amount is a quiet no-op. Throws credits.insufficient
   * (402, with `needed` and `available`) and credits.already_reserved for the same job with other terms.
   */
  async reserve(userId: string, reservations: readonly Reservation[]): Promise<void> {
    for (const { credits } of reservations) this.checkWhole(credits, 0);
    await this.database.transaction(async () => {
      if (await this.hold(userId, reservations)) return;
      for (const reservation of reservations) await this.reserveOne(userId, reservation);
    });
  }

  /**
   * Spends what the job reserved. Repeating it is a quiet no-op. Throws credits.already_released
   * when the reservation was given back, credits.no_reservation when there never was one.
   */
  async capture(jobId: string): Promise<void> {
    await this.end(jobId, 'capture');
  }

  /**
   * Gives back what the job reserved. Repeating it is a quiet no-op. Throws
   * credits.already_captured when it was spent, credits.no_reservation when there never was one.
   */
  async release(jobId: string): Promise<void> {
    await this.end(jobId, 'release');
  }

  /**
   * Adds credits (entry `grant`) or, for a negative amount, takes them (entry `adjust`). Returns the
   * entry, or undefined when `key` was used before. Throws credits.insufficient when less is
   * available than would be taken, credits.invalid_amount for 0 or a fraction.
   */
  async grant({ userId, amount, reason, actorId, key }: Grant): Promise<Entry | undefined> {
    this.checkWhole(Math.abs(amount), 1);
    return this.database.transaction(async () => {
      // The account's lock also makes two grants with one key wait for each other.
      await this.open(userId);
      await this.lock(userId);
      if (key !== undefined && (await this.isUsed(key))) return undefined;
      const type = amount > 0 ? 'grant' : 'adjust';
      const entry = await this.move({
        userId,
        type,
        reason,
        actorId,
        key,
        availableDelta: amount,
        reservedDelta: 0,
      });
      if (entry) return entry;
      const { available } = await this.balanceOf(userId);
      throw creditsError(
        'credits.insufficient',
        `Only ${available} credits are available to take; reserved credits belong to open jobs.`,
        { extensions: { needed: -amount, available } },
      );
    });
  }

  /** Both balances; 0 and 0 for a person who never had credits. */
  async balanceOf(userId: string): Promise<Balance> {
    const row = await this.database.one<Balance>(
      'SELECT available, reserved FROM credit_accounts WHERE user_id = $1',
      [userId],
    );
    return row ?? { available: 0, reserved: 0 };
  }

  private async end(jobId: string, type: 'capture' | 'release'): Promise<void> {
    await this.database.transaction(async () => {
      const held = await this.findReserved(jobId);
      if (!held) {
        throw creditsError('credits.no_reservation', `Nothing is reserved for the job ${jobId}.`);
      }
      // Whoever gets the account's lock first wins; the other then sees the winner's entry.
      await this.lock(held.userId);
      const ended = await this.findEnd(jobId);
      if (ended === type) return;
      if (ended) {
        throw creditsError(
          ended === 'capture' ? 'credits.already_captured' : 'credits.already_released',
          `The reservation of the job ${jobId} has ended; read its entries.`,
        );
      }
      await this.move({
        userId: held.userId,
        jobId,
        type,
        availableDelta: type === 'release' ? held.credits : 0,
        reservedDelta: -held.credits,
      });
    });
  }

  /** Balance and entry in one statement; undefined when the available balance is too small. */
  private async move(movement: Movement): Promise<Entry | undefined> {
    return this.database.one<Entry>(
      `WITH account AS (
         UPDATE credit_accounts SET available = available + $3, reserved = reserved + $4
         WHERE user_id = $1 AND available + $3 >= 0
         RETURNING user_id, available, reserved
       )
       INSERT INTO credit_entries (user_id, type, available_delta, reserved_delta, available_after,
         reserved_after, id, job_id, reason, actor_id, key)
       SELECT user_id, $2, $3, $4, available, reserved, $5, $6, $7, $8, $9 FROM account
       RETURNING ${ENTRY_COLUMNS}`,
      [
        movement.userId,
        movement.type,
        movement.availableDelta,
        movement.reservedDelta,
        randomUUID(),
        movement.jobId,
        movement.reason,
        movement.actorId,
        movement.key,
      ],
    );
  }

  /** Finds out what stands in the way of one reservation, mends it where possible, and throws else. */
  private async reserveOne(userId: string, reservation: Reservation): Promise<void> {
    const earlier = await this.findReserved(reservation.jobId);
    if (earlier) return this.checkSameTerms(earlier, userId, reservation);
    // Who never had credits has no account yet, which is enough for what costs nothing.
    await this.open(userId);
    if (await this.hold(userId, [reservation])) return;
    const { available } = await this.balanceOf(userId);
    const { credits } = reservation;
    throw creditsError(
      'credits.insufficient',
      `This needs ${credits} credits and ${available} are available; get more, or wait for a running job to end.`,
      { extensions: { needed: credits, available } },
    );
  }

  /**
   * Reserves in one statement, an entry for each with the balance after it; false, and nothing is
   * changed: not all of it is there to take, or one of the jobs has its reservation.
   */
  private async hold(userId: string, reservations: readonly Reservation[]): Promise<boolean> {
    const rows = await this.database.prepared(
      'reserve-credits',
      `WITH wanted AS MATERIALIZED (
         SELECT *, sum(credits) OVER (ORDER BY place)::bigint AS so_far
         FROM unnest($2::uuid[], $3::bigint[], $4::uuid[]) WITH ORDINALITY AS given (job_id, credits, id, place)
       ), account AS (
         UPDATE credit_accounts SET available = available - total, reserved = reserved + total
         FROM (SELECT sum(credits)::bigint AS total FROM wanted) AS sum
         WHERE user_id = $1 AND available >= total AND NOT EXISTS (
           SELECT 1 FROM credit_entries WHERE job_id = ANY ((SELECT $2)::uuid[]) AND type = 'reserve')
         RETURNING user_id, available + total AS available, reserved - total AS reserved
       )
       INSERT INTO credit_entries (user_id, type, available_delta, reserved_delta, available_after,
         reserved_after, id, job_id)
       SELECT user_id, 'reserve', -credits, credits, available - so_far, reserved + so_far, id, job_id
       FROM account, wanted ORDER BY place RETURNING id`,
      [
        userId,
        reservations.map(({ jobId }) => jobId),
        reservations.map(({ credits }) => credits),
        reservations.map(() => randomUUID()),
      ],
    );
    return rows.length === reservations.length;
  }

  private async open(userId: string): Promise<void> {
    await this.database.query(
      'INSERT INTO credit_accounts (user_id) VALUES ($1) ON CONFLICT DO NOTHING',
      [userId],
    );
  }

  private async lock(userId: string): Promise<void> {
    await this.database.query('SELECT 1 FROM credit_accounts WHERE user_id = $1 FOR UPDATE', [
      userId,
    ]);
  }

  private findReserved(jobId: string): Promise<Held | undefined> {
    return this.database.one<Held>(
      `SELECT user_id AS "userId", reserved_delta AS credits FROM credit_entries
       WHERE job_id = $1 AND type = 'reserve'`,
      [jobId],
    );
  }

  private async findEnd(jobId: string): Promise<EntryType | undefined> {
    const row = await this.database.one<{ type: EntryType }>(
      `SELECT type FROM credit_entries WHERE job_id = $1 AND type IN ('capture', 'release')`,
      [jobId],
    );
    return row?.type;
  }

  private async isUsed(key: string): Promise<boolean> {
    return (
      (await this.database.one('SELECT 1 FROM credit_entries WHERE key = $1', [key])) !== undefined
    );
  }

  private checkSameTerms(earlier: Held, userId: string, now: Reservation): void {
    if (earlier.userId === userId && earlier.credits === now.credits) return;
    throw creditsError(
      'credits.already_reserved',
      `The job ${now.jobId} holds a reservation on other terms; submit a new job.`,
    );
  }

  private checkWhole(amount: number, min: number): void {
    if (Number.isSafeInteger(amount) && amount >= min && amount <= MAX_AMOUNT) return;
    throw creditsError(
      'credits.invalid_amount',
      `Credits are whole numbers from ${min} to ${MAX_AMOUNT}.`,
    );
  }
}
