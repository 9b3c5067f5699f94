import { Injectable } from '@nestjs/common';
import { Database, Timetable } from '../platform/index.js';
import { Erasure } from './people/erasure.service.js';

const EVERY_MS = 3_600_000;

/** What is over and how long it is kept; each statement may run anywhere, at any time, twice. */
const SWEEPS = {
  'google flows': 'DELETE FROM google_flows WHERE expires_at < now()',
  'login codes': `DELETE FROM login_codes WHERE expires_at < now() - interval '1 day'`,
  'account links': `DELETE FROM account_links WHERE expires_at < now() - interval '30 days'`,
  sessions: `DELETE FROM sessions WHERE least(idle_expires_at, expires_at) < now() - interval '30 days'
    OR ended_at < now() - interval '30 days'`,
  'api keys': `DELETE FROM api_keys WHERE revoked_at < now() - interval '90 days'`,
  'audit events': `DELETE FROM audit_events WHERE created_at < now() - interval '2 years'`,
} as const;

/** Removes what has expired, every hour. */
@Injectable()
export class AuthUpkeep {
  constructor(
    private readonly database: Database,
    private readonly erasure: Erasure,
    timetable: Timetable,
  ) {
    timetable.every('auth upkeep', EVERY_MS, () => this.sweep());
  }

  async sweep(): Promise<void> {
    for (const statement of Object.values(SWEEPS)) await this.database.query(statement);
    // Whoever never proved an address has no claim on it, and we none on the name.
    const stale = await this.database.query<{ id: string }>(
      `SELECT id FROM users WHERE email_verified_at IS NULL AND status <> 'erased'
         AND updated_at < now() - interval '30 days'`,
    );
    for (const { id } of stale) await this.erasure.erase(id, { unlessVerified: true });
  }
}
