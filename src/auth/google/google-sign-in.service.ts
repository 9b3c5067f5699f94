import { Injectable } from '@nestjs/common';
import { Database, DomainError } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { People } from '../people/people.service.js';
import { Sessions } from '../sessions/sessions.service.js';
import type { GoogleClaims } from './google-claims.js';
import { Identities } from './identities.service.js';

interface Local {
  readonly id: string;
  readonly email: string;
  readonly isVerified: boolean;
  readonly isActive: boolean;
  readonly hasGoogle: boolean;
}

const suspended = () => authError('auth.suspended', 'This account is suspended; write to support.');

/**
 * Which account a Google account opens. By its subject if that is known; else by an address that
 * Google has verified:
 *
 * | local account    | Google is authoritative | otherwise        |
 * | ---------------- | ----------------------- | ---------------- |
 * | none             | made, verified          | made, verified   |
 * | never verified   | taken over, emptied     | taken over, emptied |
 * | verified         | linked, owner told      | google_link_required |
 * | has other Google | google_link_required    | google_link_required |
 */
@Injectable()
export class GoogleSignIn {
  constructor(
    private readonly database: Database,
    private readonly identities: Identities,
    private readonly people: People,
    private readonly sessions: Sessions,
    private readonly audit: AuditTrail,
  ) {}

  /**
   * The person's id. Throws auth.suspended, auth.google_email_not_verified and
   * auth.google_link_required.
   */
  async identify(claims: GoogleClaims): Promise<string> {
    try {
      return await this.database.transaction(async () => {
        const personId = (await this.identities.findOwner(claims)) ?? (await this.admit(claims));
        const person = await this.people.get(personId);
        if (person.status !== 'active') throw suspended();
        const details = { method: 'google' };
        await this.audit.record({ kind: 'auth.logged-in', subjectId: personId, details });
        return personId;
      });
    } catch (error) {
      if (error instanceof DomainError) await this.noteRefusal(claims, error.code);
      throw error;
    }
  }

  /** After the rollback, so that the event stays: whose account somebody came for. */
  private async noteRefusal(claims: GoogleClaims, code: string): Promise<void> {
    const target = await this.database.one<{ id: string }>(
      `SELECT user_id AS id FROM identities WHERE provider = 'google' AND subject = $1
       UNION ALL SELECT id FROM users WHERE email = $2 LIMIT 1`,
      [claims.subject, claims.email],
    );
    await this.audit.record({
      kind: 'auth.login-refused',
      subjectId: target?.id,
      actorId: null,
      details: { method: 'google', code },
    });
  }

  private async admit(claims: GoogleClaims): Promise<string> {
    if (!claims.isEmailVerified) {
      throw authError(
        'auth.google_email_not_verified',
        'Verify the address of your Google account, or sign up with address and password.',
      );
    }
    const local = await this.hold(claims);
    // Whoever waited for the row may find that the same Google account was let in meanwhile.
    const owner = await this.identities.findOwner(claims);
    if (owner !== undefined) return owner;
    if (!local.isActive) throw suspended();
    if (!local.isVerified) {
      await this.takeOver(local, claims);
    } else if (claims.isAuthoritative && !local.hasGoogle) {
      await this.identities.link({ ...local, name: null, role: 'user' }, claims);
    } else {
      throw authError(
        'auth.google_link_required',
        'Log in the way you did before, then link Google at /v1/me/identities/google.',
      );
    }
    return local.id;
  }

  /** The account with this address, made if there is none, its row held until the transaction ends. */
  private async hold(claims: GoogleClaims): Promise<Local> {
    await this.database.query('INSERT INTO users (email) VALUES ($1) ON CONFLICT DO NOTHING', [
      claims.email,
    ]);
    const local = await this.database.one<Local>(
      `SELECT id, email, email_verified_at IS NOT NULL AS "isVerified",
         status = 'active' AS "isActive",
         EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id) AS "hasGoogle"
       FROM users u WHERE email = $1 FOR UPDATE`,
      [claims.email],
    );
    if (!local) throw authError('auth.google_refused', 'Start the sign-in once more.');
    return local;
  }

  /** Somebody may have signed up with an address that is not theirs: nothing of theirs stays. */
  private async takeOver(local: Local, claims: GoogleClaims): Promise<void> {
    await this.sessions.endAll(local.id, 'replaced');
    await this.database.query(
      `WITH links AS (DELETE FROM account_links WHERE user_id = $1),
         identities AS (DELETE FROM identities WHERE user_id = $1),
         keys AS (DELETE FROM api_keys WHERE user_id = $1)
       UPDATE users SET password_hash = NULL, name = $2, result_mails = 'all', updated_at = now()
       WHERE id = $1`,
      [local.id, claims.name],
    );
    await this.identities.add(local, claims);
    await this.people.markVerified(local.id);
  }
}
