import { Injectable } from '@nestjs/common';
import { Database, httpError } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { Identities } from '../google/identities.service.js';
import { BasicLogin } from '../sign-in/basic-login.service.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { Sessions } from '../sessions/sessions.service.js';
import { normaliseAddress } from './address.js';
import { LifeHooks, type PersonHook } from './life-hooks.js';
import type { Account, Person, PersonRole, ResultMails } from './person.js';
import { toAccount, User } from './user.entity.js';

/** What a person may change about themselves; absent = unchanged. */
export interface ProfileChange {
  readonly name?: string | null | undefined;
  readonly resultMails?: ResultMails | undefined;
}

/** Persons, for every module: find them, make them, and learn when they come and go. */
@Injectable()
export class People {
  constructor(
    private readonly database: Database,
    private readonly hasher: PasswordHasher,
    private readonly hooks: LifeHooks,
    private readonly basic: BasicLogin,
    private readonly sessions: Sessions,
    private readonly identities: Identities,
    private readonly audit: AuditTrail,
  ) {}

  /** Throws auth.person_not_found. Erased people are found too, with an empty address. */
  async get(id: string): Promise<Account> {
    const user = await this.database.manager.findOneBy(User, { id });
    if (!user) throw authError('auth.person_not_found', 'Check the id of the person.');
    return toAccount(user);
  }

  async findByEmail(email: string): Promise<Account | undefined> {
    const user = await this.database.manager.findOneBy(User, { email: normaliseAddress(email) });
    return user ? toAccount(user) : undefined;
  }

  async change(id: string, change: ProfileChange): Promise<Account> {
    await this.database.query(
      `UPDATE users SET updated_at = now(), name = CASE WHEN $2 THEN $3 ELSE name END,
         result_mails = coalesce($4, result_mails) WHERE id = $1`,
      [id, change.name !== undefined, change.name ?? null, change.resultMails ?? null],
    );
    return this.get(id);
  }

  /**
   * Makes an account that is verified at once, or brings the one with this address to this password
   * and role: as after a reset, its sessions end and doubtful ways in go. Repeating it changes nothing
   * more. Runs the verified hooks when it was not verified.
   */
  async provision(account: {
    readonly email: string;
    readonly password: string;
    readonly role: PersonRole;
    readonly name?: string;
  }): Promise<Account> {
    const hash = await this.hasher.hash(account.password);
    const id = await this.database.transaction(async () => {
      const email = normaliseAddress(account.email);
      const user = await this.database.one<{ id: string; isVerified: boolean }>(
        `INSERT INTO users (email, name, role, password_hash) VALUES ($1, $2, $3, $4)
         ON CONFLICT (email) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash,
           name = coalesce(excluded.name, users.name), updated_at = now()
         RETURNING id, email_verified_at IS NOT NULL AS "isVerified"`,
        [email, account.name ?? null, account.role, hash],
      );
      if (!user) throw new Error('The account was not stored.');
      if (!user.isVerified) await this.markVerified(user.id);
      await this.sessions.endAll(user.id, 'password');
      await this.identities.dropDoubtful(user.id);
      await this.audit.record({
        kind: 'auth.account-provisioned',
        subjectId: user.id,
        actorId: null,
        details: { role: account.role },
      });
      return user.id;
    });
    return this.get(id);
  }

  /**
   * Makes the account if nobody has its address, and leaves it as its owner made it otherwise. True
   * when its password and role are these now.
   */
  async provisionOnce(account: Parameters<People['provision']>[0]): Promise<boolean> {
    const user = await this.database.one<{ hash: string | null; role: PersonRole }>(
      'SELECT password_hash AS hash, role FROM users WHERE email = $1',
      [normaliseAddress(account.email)],
    );
    if (user) {
      return user.role === account.role && this.hasher.matches(user.hash, account.password);
    }
    await this.provision(account);
    return true;
  }

  /**
   * The active person with this address and password, for HTTP Basic, which sends them with every
   * request: a right pair is remembered for a minute. Throws auth.invalid_credentials,
   * auth.email_not_verified, auth.suspended or http.rate_limited.
   */
  authenticate(email: string, password: string): Promise<Person> {
    return this.basic.authenticate(email, password);
  }

  /** Whether this person may still go on, for streams that stay open longer than a request. */
  async isActive(id: string): Promise<boolean> {
    return (await this.database.manager.countBy(User, { id, status: 'active' })) > 0;
  }

  /**
   * Until the transaction around it ends, this person is not erased: what is written for them by then
   * is found by the erasure. Throws http.unauthorized when they were suspended or erased meanwhile.
   */
  async hold(id: string): Promise<void> {
    const [held] = await this.database.prepared(
      'hold-person',
      `SELECT 1 FROM users WHERE id = $1 AND status = 'active' FOR KEY SHARE`,
      [id],
    );
    if (!held) throw httpError('http.unauthorized', 'This account is closed.');
  }

  /**
   * `hook` runs inside the transaction that verifies a person for the first time. If it throws, the
   * person is not verified.
   */
  onVerified(hook: PersonHook): void {
    this.hooks.verified.push(hook);
  }

  /** Marks the address as proven and runs the verified hooks. Needs a transaction; once per person. */
  async markVerified(id: string): Promise<void> {
    const first = await this.database.query(
      `UPDATE users SET email_verified_at = now(), updated_at = now()
       WHERE id = $1 AND email_verified_at IS NULL RETURNING id`,
      [id],
    );
    if (first.length === 0) return;
    for (const hook of this.hooks.verified) await hook(id);
    await this.audit.record({ kind: 'auth.address-verified', subjectId: id });
  }

  /**
   * `hook` takes part in erasing a person. Stage `stop` runs inside the transaction that closes the
   * account (cancel open jobs); stage `remove` (the default) runs after it, in the order of
   * registration, in one transaction, and is called again until none of them throws: throw while
   * something is still running, and expect to be repeated.
   */
  onErase(hook: PersonHook, stage: 'stop' | 'remove' = 'remove'): void {
    this.hooks[stage].push(hook);
  }
}
