import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import type { EmailKind } from '../email.js';
import { mailError } from '../mail.errors.js';

export type SuppressionReason = 'bounce' | 'complaint';

export interface Suppression {
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly detail: string | null;
  readonly createdAt: Date;
}

/** Addresses that get no more mails: theirs came back for good, or their reader complained. */
@Injectable()
export class Suppressions {
  constructor(private readonly database: Database) {}

  /**
   * Why this kind of mail may not go to that address; undefined when it may. A complaint stops the
   * mails about jobs, not those about the reader's own account.
   */
  async find(address: string, kind: EmailKind): Promise<string | undefined> {
    const row = await this.database.one<Suppression>(
      'SELECT reason FROM suppressed_addresses WHERE address = lower($1)',
      [address],
    );
    if (row?.reason === 'bounce') return 'Mails to this address came back for good.';
    if (row?.reason === 'complaint' && kind.startsWith('job-')) {
      return 'The reader of this address complained about mails.';
    }
    return undefined;
  }

  /** Repeating it is harmless; a bounce weighs more than a complaint. */
  async add(
    address: string,
    reason: SuppressionReason,
    emailId: string,
    detail: string | undefined,
  ): Promise<void> {
    await this.database.query(
      `INSERT INTO suppressed_addresses (address, reason, email_id, detail)
       VALUES (lower($1), $2, $3, left($4, 500))
       ON CONFLICT (address) DO UPDATE SET reason = excluded.reason, email_id = excluded.email_id,
         detail = excluded.detail
       WHERE suppressed_addresses.reason = 'complaint' AND excluded.reason = 'bounce'`,
      [address, reason, emailId, detail ?? null],
    );
  }

  /** Newest first. */
  list(limit: number): Promise<Suppression[]> {
    return this.database.query<Suppression>(
      `SELECT address, reason, detail, created_at AS "createdAt" FROM suppressed_addresses
       ORDER BY created_at DESC LIMIT $1`,
      [limit],
    );
  }

  /** Lets mails go to the address again. Throws mail.not_found. */
  async lift(address: string): Promise<void> {
    const rows = await this.database.query(
      'DELETE FROM suppressed_addresses WHERE address = lower($1) RETURNING address',
      [address],
    );
    if (rows.length === 0) throw mailError('mail.not_found', 'This address is not suppressed.');
  }
}
