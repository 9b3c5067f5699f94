import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { normaliseAddress } from '../people/address.js';
import type { Person, PersonStatus } from '../people/person.js';
import { Sessions, type Tokens } from '../sessions/sessions.service.js';

interface Candidate extends Person {
  readonly status: PersonStatus;
  readonly passwordHash: string | null;
  readonly isVerified: boolean;
}

const refusal = (person: Candidate) => {
  if (person.status !== 'active') {
    return authError('auth.suspended', 'This account is suspended; write to support.');
  }
  if (!person.isVerified) {
    return authError(
      'auth.email_not_verified',
      'Open the link in the mail we sent you, or ask for a new one at /v1/auth/resend-verification.',
    );
  }
  return undefined;
};

/** Logins by address and password. Every wrong answer costs the same work and looks the same. */
@Injectable()
export class Login {
  constructor(
    private readonly database: Database,
    private readonly hasher: PasswordHasher,
    private readonly sessions: Sessions,
    private readonly audit: AuditTrail,
  ) {}

  /** Throws auth.invalid_credentials, or after the right password auth.email_not_verified or auth.suspended. */
  async start(email: string, password: string): Promise<Tokens> {
    const person = await this.prove(email, password);
    const hash = await this.strengthen(person, password);
    return this.database.transaction(async () => {
      // A reset that committed meanwhile ended every session; this one must not outlive it.
      const unchanged = await this.database.query(
        `SELECT 1 FROM users WHERE id = $1 AND password_hash = $2 AND status = 'active' FOR UPDATE`,
        [person.id, hash],
      );
      if (unchanged.length === 0) throw await this.wrong(person.id);
      await this.audit.record({ kind: 'auth.logged-in', subjectId: person.id });
      return this.sessions.start(person.id, 'password');
    });
  }

  /** As {@link start}, without opening a session. */
  async check(email: string, password: string): Promise<Person> {
    const { id, email: address, name, role } = await this.prove(email, password);
    return { id, email: address, name, role };
  }

  private async prove(email: string, password: string): Promise<Candidate> {
    const person = await this.database.one<Candidate>(
      `SELECT id, email, name, role, status, password_hash AS "passwordHash",
         email_verified_at IS NOT NULL AS "isVerified" FROM users WHERE email = $1`,
      [normaliseAddress(email)],
    );
    const isRight = await this.hasher.matches(person?.passwordHash, password);
    if (!person || !isRight) throw await this.wrong(person?.id);
    const refused = refusal(person);
    if (!refused) return person;
    await this.audit.record({
      kind: 'auth.login-refused',
      subjectId: person.id,
      details: { code: refused.code },
    });
    throw refused;
  }

  /** Upgrades a hash that was made with weaker settings; returns the one that counts now. */
  private async strengthen(person: Candidate, password: string): Promise<string | null> {
    const old = person.passwordHash;
    if (old === null || !this.hasher.isOutdated(old)) return old;
    const stronger = await this.hasher.hash(password);
    await this.database.query(
      'UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2',
      [person.id, old, stronger],
    );
    return stronger;
  }

  private async wrong(personId: string | undefined) {
    await this.audit.record({ kind: 'auth.login-failed', subjectId: personId, actorId: null });
    return authError('auth.invalid_credentials', 'Check the address and the password.');
  }
}
