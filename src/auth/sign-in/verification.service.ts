import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { AccountLinks } from '../links/account-links.service.js';
import { AccountMails } from '../links/account-mails.service.js';
import { Erasure } from '../people/erasure.service.js';
import { People } from '../people/people.service.js';
import { Sessions, type Tokens } from '../sessions/sessions.service.js';

export const tokenInvalid = () =>
  authError('auth.token_invalid', 'It was used, replaced or has expired; ask for a new one.');

/** The proof that an address belongs to the person. */
@Injectable()
export class Verification {
  constructor(
    private readonly database: Database,
    private readonly links: AccountLinks,
    private readonly mails: AccountMails,
    private readonly people: People,
    private readonly erasure: Erasure,
    private readonly sessions: Sessions,
    private readonly audit: AuditTrail,
  ) {}

  /**
   * Uses a token up and logs the person in: the token of a new account, or of a new address for an
   * old one, whose former address is then told. Throws auth.token_invalid.
   */
  async verify(token: string): Promise<Tokens> {
    return this.database.transaction(async () => {
      const link = await this.links.use(token, ['verify-email', 'change-address']);
      if (!link) throw tokenInvalid();
      if (link.purpose === 'change-address') await this.move(link.personId, link.address);
      await this.people.markVerified(link.personId);
      return this.sessions.start(link.personId, 'verification');
    });
  }

  private async move(personId: string, address: string): Promise<void> {
    const { email: former } = await this.people.get(personId);
    const holder = await this.people.findByEmail(address);
    if (holder?.emailVerified) throw tokenInvalid();
    // Somebody signed up with this address and never proved it; the proof is here.
    if (holder) await this.erasure.erase(holder.id, { unlessVerified: true });
    await this.database.query('UPDATE users SET email = $2, updated_at = now() WHERE id = $1', [
      personId,
      address,
    ]);
    await this.links.end(personId, ['reset-password']);
    await this.mails.tell('address-changed', personId, former);
    await this.audit.record({ kind: 'auth.address-changed', subjectId: personId });
  }
}
