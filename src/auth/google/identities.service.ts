import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { AccountMails } from '../links/account-mails.service.js';
import type { Person } from '../people/person.js';
import type { GoogleClaims } from './google-claims.js';

export interface Identity {
  readonly id: string;
  readonly provider: 'google';
  readonly email: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
}

/** Accounts elsewhere that open an account here; the key is (provider, subject), never an address. */
@Injectable()
export class Identities {
  constructor(
    private readonly database: Database,
    private readonly mails: AccountMails,
    private readonly audit: AuditTrail,
  ) {}

  list(personId: string): Promise<Identity[]> {
    return this.database.query<Identity>(
      `SELECT id, provider, email, created_at AS "createdAt", last_used_at AS "lastUsedAt"
       FROM identities WHERE user_id = $1 ORDER BY created_at, id`,
      [personId],
    );
  }

  /** The owner of this Google account, and notes the sign-in. */
  async findOwner(claims: GoogleClaims): Promise<string | undefined> {
    const found = await this.database.one<{ personId: string }>(
      `UPDATE identities SET last_used_at = now(), email = CASE WHEN $2 = '' THEN email ELSE $2 END
       WHERE provider = 'google' AND subject = $1 RETURNING user_id AS "personId"`,
      [claims.subject, claims.email],
    );
    return found?.personId;
  }

  /**
   * Links and tells the person; repeating it is quiet. Throws auth.identity_in_use when the Google
   * account belongs to somebody else, auth.google_link_required when the person has another one.
   */
  async link(person: Person, claims: GoogleClaims): Promise<void> {
    await this.database.transaction(async () => {
      // Of two parallel links one waits here for the other.
      await this.database.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [person.id]);
      const owner = await this.findOwner(claims);
      if (owner === person.id) return;
      if (owner !== undefined) {
        throw authError('auth.identity_in_use', 'Unlink it in the other account first.');
      }
      if ((await this.list(person.id)).length > 0) {
        throw authError(
          'auth.google_link_required',
          'This account is linked to another Google account; unlink that one first.',
        );
      }
      await this.add(person, claims);
      await this.mails.tell('identity-linked', person.id, person.email);
    });
  }

  /** The plain row, for callers that have checked everything. Needs a transaction. */
  async add({ id, email }: Pick<Person, 'id' | 'email'>, claims: GoogleClaims): Promise<void> {
    const added = await this.database.query(
      `INSERT INTO identities (user_id, provider, subject, email, is_authoritative)
       VALUES ($1, 'google', $2, $3, $4) ON CONFLICT (provider, subject) DO NOTHING RETURNING id`,
      // It proves the mailbox of this account only if it is that mailbox.
      [id, claims.subject, claims.email, claims.isAuthoritative && claims.email === email],
    );
    if (added.length === 0) {
      throw authError('auth.identity_in_use', 'Sign in with this Google account once more.');
    }
    await this.audit.record({ kind: 'auth.identity-linked', subjectId: id });
  }

  /**
   * The mailbox has just proven the owner: a sign-in with Google that never did goes, with the API
   * keys it could have made. Needs a transaction.
   */
  async dropDoubtful(personId: string): Promise<void> {
    await this.database.query(
      `WITH doubtful AS (
         DELETE FROM identities WHERE user_id = $1 AND NOT is_authoritative RETURNING user_id
       )
       UPDATE api_keys SET revoked_at = now()
       WHERE user_id IN (SELECT user_id FROM doubtful) AND revoked_at IS NULL`,
      [personId],
    );
  }

  /** Tells the person. Throws auth.identity_not_found, and auth.no_password when it is the only way in. */
  async unlink(personId: string, identityId: string): Promise<void> {
    await this.database.transaction(async () => {
      const user = await this.database.one<{ email: string; hasPassword: boolean }>(
        `SELECT email, password_hash IS NOT NULL AS "hasPassword" FROM users
         WHERE id = $1 FOR UPDATE`,
        [personId],
      );
      const own = (await this.list(personId)).some((identity) => identity.id === identityId);
      if (!own) throw authError('auth.identity_not_found', 'It is gone, or it is not yours.');
      if (!user?.hasPassword) {
        throw authError(
          'auth.no_password',
          'Set one first, at /v1/auth/forgot-password, or there is no way in.',
        );
      }
      await this.database.query('DELETE FROM identities WHERE id = $1', [identityId]);
      await this.mails.tell('identity-unlinked', personId, user.email);
      await this.audit.record({ kind: 'auth.identity-unlinked', subjectId: personId });
    });
  }
}
