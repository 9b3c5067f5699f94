import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { AccountLinks } from '../links/account-links.service.js';
import { AccountMails } from '../links/account-mails.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Sessions } from '../sessions/sessions.service.js';
import type { Person } from './person.js';

/** What a person proves themselves with, changed by the person. */
@Injectable()
export class Credentials {
  constructor(
    private readonly database: Database,
    private readonly hasher: PasswordHasher,
    private readonly sessions: Sessions,
    private readonly links: AccountLinks,
    private readonly mails: AccountMails,
    private readonly audit: AuditTrail,
  ) {}

  /**
   * Sets a new password, ends every other session and tells the person.
   * Throws auth.wrong_password and auth.no_password.
   */
  async changePassword(
    person: Person,
    passwords: { readonly current: string; readonly next: string },
    sessionId: string | undefined,
  ): Promise<void> {
    const old = await this.prove(person, passwords.current);
    const hash = await this.hasher.hash(passwords.next);
    await this.database.transaction(async () => {
      const changed = await this.database.query(
        `UPDATE users SET password_hash = $3, updated_at = now()
         WHERE id = $1 AND password_hash = $2 RETURNING id`,
        [person.id, old, hash],
      );
      if (changed.length === 0) throw this.wrongPassword();
      await this.sessions.endAll(person.id, 'password', sessionId);
      // Whoever knew the old password may have asked for a link to a mailbox of theirs.
      await this.links.end(person.id, ['reset-password', 'change-address']);
      await this.mails.tell('password-changed', person.id, person.email);
      await this.audit.record({ kind: 'auth.password-changed', subjectId: person.id });
    });
  }

  /**
   * Sends a link to the new address; the change happens when it is opened. The answer does not tell
   * whether somebody else has that address. Throws auth.wrong_password and auth.no_password.
   */
  async requestAddressChange(person: Person, password: string, address: string): Promise<void> {
    await this.prove(person, password);
    await this.database.transaction(async () => {
      await this.mails.wishChange(person.id, address);
      await this.audit.record({ kind: 'auth.address-change-requested', subjectId: person.id });
    });
  }

  private async prove(person: Person, password: string): Promise<string> {
    const row = await this.database.one<{ hash: string | null }>(
      'SELECT password_hash AS hash FROM users WHERE id = $1',
      [person.id],
    );
    const isRight = await this.hasher.matches(row?.hash, password);
    if (row?.hash && isRight) return row.hash;
    if (row?.hash) {
      await this.audit.record({ kind: 'auth.wrong-password', subjectId: person.id });
      throw this.wrongPassword();
    }
    throw authError(
      'auth.no_password',
      'Set one first: ask for a link at /v1/auth/forgot-password.',
    );
  }

  private wrongPassword() {
    return authError('auth.wrong_password', 'Give the password that you log in with now.');
  }
}
