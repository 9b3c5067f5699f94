import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, defineTopic, Outbox, OutboxDispatcher } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { AccountMails } from '../links/account-mails.service.js';
import { Sessions } from '../sessions/sessions.service.js';
import { LifeHooks } from './life-hooks.js';

const erasureRequested = defineTopic<{ personId: string }>('auth.erasure-requested');

/** What auth itself keeps about a person, besides the row that the ledger points to. */
const OWN_TABLES = ['identities', 'account_links', 'api_keys', 'login_codes'] as const;

/**
 * Erases a person. The account is closed and auth's own data gone when {@link erase} returns; the
 * other modules' data follows through the outbox, repeated until every hook has succeeded.
 */
@Injectable()
export class Erasure implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly dispatcher: OutboxDispatcher,
    private readonly hooks: LifeHooks,
    private readonly sessions: Sessions,
    private readonly mails: AccountMails,
    private readonly audit: AuditTrail,
  ) {}

  onModuleInit(): void {
    this.dispatcher.on(erasureRequested, async ({ payload }) => {
      for (const hook of this.hooks.remove) await hook(payload.personId);
    });
  }

  /**
   * Repeating it does nothing. The address is free for a new account at once. `unlessVerified`: nor
   * does it touch who has proven an address.
   */
  async erase(personId: string, { unlessVerified = false } = {}): Promise<void> {
    await this.database.transaction(async () => {
      const open = await this.database.one<{ email: string | null; isVerified: boolean }>(
        `SELECT email, email_verified_at IS NOT NULL AS "isVerified" FROM users
         WHERE id = $1 AND status <> 'erased' FOR UPDATE`,
        [personId],
      );
      if (!open || (unlessVerified && open.isVerified)) return;
      for (const hook of this.hooks.stop) await hook(personId);
      await this.sessions.endAll(personId, 'erased');
      await this.mails.forget(personId, open.email);
      for (const table of OWN_TABLES) {
        await this.database.query(`DELETE FROM ${table} WHERE user_id = $1`, [personId]);
      }
      await this.database.query(
        'UPDATE sessions SET ip = NULL, user_agent = NULL WHERE user_id = $1',
        [personId],
      );
      await this.database.query(
        `UPDATE users SET status = 'erased', erased_at = now(), updated_at = now(), email = NULL,
           name = NULL, password_hash = NULL WHERE id = $1`,
        [personId],
      );
      await this.audit.record({ kind: 'auth.person-erased', subjectId: personId });
      await this.audit.blank(personId);
      await this.outbox.append(erasureRequested, { personId });
    });
  }
}
