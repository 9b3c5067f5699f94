import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { httpError } from './http-errors.js';
import { validationFailed } from './validation.js';

const KEPT_HOURS = 24;

export interface IdempotentRequest {
  readonly userId: string;
  /** The Idempotency-Key header; undefined: the work simply runs. */
  readonly key: string | undefined;
  readonly route: string;
  /** Whatever makes two bodies equal; files by their sha256. */
  readonly body: unknown;
}

export interface IdempotentResult {
  readonly status: number;
  readonly resourceId: string;
}

type First<Result> = Result & { readonly isReplay: false };
type Replay = IdempotentResult & { readonly isReplay: true };

type Transaction = <T>(work: () => Promise<T>) => Promise<T>;

const keyInFlight = () =>
  httpError('http.idempotency_in_flight', 'Wait for the first answer, then repeat the request.', {
    headers: { 'Retry-After': '1' },
  });

interface Row {
  fingerprint: string;
  route: string;
  status: number;
  resourceId: string;
}

/**
 * Idempotency-Key over a whole business transaction (design: HTTP contract). The key row commits
 * with the work, so a crash keeps both or neither; a failure keeps nothing.
 */
@Injectable()
export class Idempotency {
  /** Of this process: two works of one shared transaction would not see each other's lock. */
  private readonly inFlight = new Set<string>();

  constructor(private readonly database: Database) {}

  /**
   * Runs `work` once per person and key within 24 h, and gives what it gave; a repeat gets the first
   * status and id without running it. `transaction` runs what it is given in one. Throws
   * http.idempotency_in_flight (409) while the first is running and http.idempotency_key_reused (422) for
   * another body or route.
   */
  async once<Result extends IdempotentResult>(
    request: IdempotentRequest,
    work: () => Promise<Result>,
    transaction: Transaction = (all) => this.database.transaction(all),
  ): Promise<First<Result> | Replay> {
    const { userId, key } = request;
    if (key === undefined) return { ...(await transaction(work)), isReplay: false };
    if (key.length === 0 || key.length > 255) {
      throw validationFailed([
        { path: 'Idempotency-Key', message: 'must have 1 to 255 characters' },
      ]);
    }
    const name = `idempotency|${userId}|${key}`;
    if (this.inFlight.has(name)) throw keyInFlight();
    this.inFlight.add(name);
    try {
      return await transaction(() => this.onceLocked(name, { ...request, key }, work));
    } finally {
      this.inFlight.delete(name);
    }
  }

  private async onceLocked<Result extends IdempotentResult>(
    name: string,
    { userId, key, route, body }: IdempotentRequest & { readonly key: string },
    work: () => Promise<Result>,
  ): Promise<First<Result> | Replay> {
    await this.lock(name);
    const fingerprint = createHash('sha256').update(JSON.stringify(body)).digest('hex');
    const first = await this.find(userId, key);
    if (first) {
      if (first.fingerprint !== fingerprint || first.route !== route) {
        throw httpError(
          'http.idempotency_key_reused',
          'Use a new Idempotency-Key for another request.',
        );
      }
      return { status: first.status, resourceId: first.resourceId, isReplay: true };
    }
    const result = await work();
    await this.database.query(
      `INSERT INTO idempotency_keys (user_id, key, route, fingerprint, status, resource_id)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (user_id, key) DO UPDATE SET route = excluded.route, fingerprint = excluded.fingerprint,
         status = excluded.status, resource_id = excluded.resource_id, created_at = now()`,
      [userId, key, route, fingerprint, result.status, result.resourceId],
    );
    return { ...result, isReplay: false };
  }

  /** Removes keys older than 24 h; safe to repeat. */
  async sweep(): Promise<void> {
    await this.database.query(
      `DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)`,
      [KEPT_HOURS],
    );
  }

  private async lock(name: string): Promise<void> {
    const row = await this.database.one<{ locked: boolean }>(
      'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked',
      [name],
    );
    if (!row?.locked) throw keyInFlight();
  }

  private find(userId: string, key: string): Promise<Row | undefined> {
    return this.database.one<Row>(
      `SELECT fingerprint, route, status, resource_id AS "resourceId" FROM idempotency_keys
       WHERE user_id = $1 AND key = $2 AND created_at >= now() - make_interval(hours => $3)`,
      [userId, key, KEPT_HOURS],
    );
  }
}
