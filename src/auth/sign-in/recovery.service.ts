import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { Identities } from '../google/identities.service.js';
import { AccountLinks } from '../links/account-links.service.js';
import { AccountMails } from '../links/account-mails.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Sessions } from '../sessions/sessions.service.js';
import { tokenInvalid } from './verification.service.js';

/** The way back in for whoever owns the mailbox. */
@Injectable()
export class Recovery {
  constructor(
    private readonly database: Database,
    private readonly links: AccountLinks,
    private readonly mails: AccountMails,
    private readonly hasher: PasswordHasher,
    private readonly sessions: Sessions,
    private readonly identities: Identities,
    private readonly audit: AuditTrail,
  ) {}

  /** Sends a reset link to a verified address; quiet for all others. */
  async request(email: string): Promise<void> {
    await this.mails.wish('reset-password', email);
  }

  /**
   * Uses a reset token up, sets the password, ends every session and tells the owner. A sign-in with
   * Google that never proved this mailbox goes too, with the API keys it could have made: whoever
   * opened the account that way may not be its owner. Throws auth.token_invalid.
   */
  async reset(token: string, password: string): Promise<void> {
    const hash = await this.hasher.hash(password);
    await this.database.transaction(async () => {
      const link = await this.links.use(token, ['reset-password']);
      if (!link) throw tokenInvalid();
      const { personId, address } = link;
      await this.database.query(
        'UPDATE users SET password_hash = $2, updated_at = now() WHERE id = $1',
        [personId, hash],
      );
      await this.sessions.endAll(personId, 'password');
      await this.links.end(personId, ['change-address']);
      await this.identities.dropDoubtful(personId);
      await this.mails.tell('password-changed', personId, address);
      await this.audit.record({ kind: 'auth.password-reset', subjectId: personId });
    });
  }
}
