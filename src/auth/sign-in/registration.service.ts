import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { AccountMails } from '../links/account-mails.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';

/** From a wish to an account that waits for its verification. */
@Injectable()
export class Registration {
  constructor(
    private readonly database: Database,
    private readonly hasher: PasswordHasher,
    private readonly mails: AccountMails,
    private readonly audit: AuditTrail,
  ) {}

  /**
   * Known and unknown addresses run the same statements and write the same rows: an account (made,
   * or touched), a link, a mail, an audit event. An unverified address takes the new password and its
   * older links end; a verified one stays as it is, and its owner is told with a way back in.
   */
  async register(request: {
    readonly email: string;
    readonly password: string;
    readonly name?: string | undefined;
  }): Promise<void> {
    const hash = await this.hasher.hash(request.password);
    await this.database.transaction(async () => {
      const user = await this.database.one<{ id: string; isVerified: boolean }>(
        `INSERT INTO users AS u (email, name, password_hash) VALUES ($1, $2, $3)
         ON CONFLICT (email) DO UPDATE SET updated_at = now(),
           password_hash = CASE WHEN u.email_verified_at IS NULL THEN excluded.password_hash
             ELSE u.password_hash END,
           name = CASE WHEN u.email_verified_at IS NULL THEN excluded.name ELSE u.name END
         RETURNING id, email_verified_at IS NOT NULL AS "isVerified"`,
        [request.email, request.name ?? null, hash],
      );
      if (!user) throw new Error('The account was not stored.');
      const [kind, purpose] = user.isVerified
        ? (['already-registered', 'reset-password'] as const)
        : (['verify-email', 'verify-email'] as const);
      await this.mails.sendLink(kind, purpose, user.id, request.email);
      await this.audit.record({
        kind: user.isVerified ? 'auth.registered-again' : 'auth.registered',
        subjectId: user.id,
        actorId: null,
      });
    });
  }

  /** Sends a new link to an address that waits for its verification; quiet for all others. */
  async resend(email: string): Promise<void> {
    await this.mails.wish('verify-email', email);
  }
}
