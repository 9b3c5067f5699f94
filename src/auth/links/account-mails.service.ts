import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, defineTopic, Outbox, OutboxDispatcher } from '../../platform/index.js';
import { RequestOrigin, type Origin } from '../access/request-origin.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { AccountLinks } from './account-links.service.js';
import { accountMailRequested, type AccountMailRequested } from './account-mail.js';
import type { LinkPurpose } from './link-token.js';

/** A link somebody asked for by naming an address, before anybody looked whether it is known. */
type LinkWish = 'verify-email' | 'reset-password';

interface Wish {
  readonly purpose: LinkPurpose;
  readonly address: string;
  /** Who wants to change to this address. */
  readonly personId?: string;
  /** Where the wish came from, for the audit trail. */
  readonly from: Origin;
}

const linkWished = defineTopic<Wish>('auth.link-wished');

const WISHED: Readonly<Record<LinkWish, string>> = {
  'verify-email': 'auth.verification-requested',
  'reset-password': 'auth.password-reset-requested',
};

/** Who gets which link: the one still unverified a verification, the verified one a reset. */
const ENTITLED: Readonly<Record<LinkWish, string>> = {
  'verify-email': 'email_verified_at IS NULL AND password_hash IS NOT NULL',
  'reset-password': 'email_verified_at IS NOT NULL',
};

/** Orders mails about accounts, always in the transaction that causes them. */
@Injectable()
export class AccountMails implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly links: AccountLinks,
    private readonly outbox: Outbox,
    private readonly dispatcher: OutboxDispatcher,
    private readonly origin: RequestOrigin,
    private readonly audit: AuditTrail,
  ) {}

  onModuleInit(): void {
    this.dispatcher.on(linkWished, ({ payload: { purpose, address, personId, from } }) => {
      if (purpose !== 'change-address') return this.grant(purpose, address, from);
      return personId === undefined ? Promise.resolve() : this.grantChange(personId, address);
    });
  }

  /** Orders a mail that only tells something. Needs a transaction. */
  async tell(kind: AccountMailRequested['kind'], personId: string, address: string): Promise<void> {
    await this.outbox.append(accountMailRequested, { kind, personId, address });
  }

  /** Orders a mail with a new link, which ends the older one. Needs a transaction. */
  async sendLink(
    kind: AccountMailRequested['kind'],
    purpose: LinkPurpose,
    personId: string,
    address: string,
  ): Promise<void> {
    const linkId = await this.links.issue(personId, purpose, address);
    await this.outbox.append(accountMailRequested, { kind, personId, address, linkId });
  }

  /**
   * Takes the wish for a link to any address. Whether the address is known is looked up after the
   * answer has gone out, so that neither the answer nor its time can tell.
   */
  async wish(purpose: LinkWish, address: string): Promise<void> {
    const from = this.origin.current;
    await this.database.transaction(() =>
      this.outbox.append(linkWished, { purpose, address, from }),
    );
  }

  /** As {@link wish}, for a person who wants to change to this address. Needs a transaction. */
  async wishChange(personId: string, address: string): Promise<void> {
    const from = this.origin.current;
    await this.outbox.append(linkWished, { purpose: 'change-address', address, personId, from });
  }

  /** Drops what is ordered for this person or address and not on its way yet. Needs a transaction. */
  async forget(personId: string, address: string | null): Promise<void> {
    await this.outbox.withdraw(accountMailRequested, { personId });
    await this.outbox.withdraw(linkWished, { personId });
    if (address !== null) await this.outbox.withdraw(linkWished, { address });
  }

  private async grantChange(personId: string, address: string): Promise<void> {
    const owner = await this.database.one<{ id: string }>(
      'SELECT id FROM users WHERE email = $1 AND email_verified_at IS NOT NULL',
      [address],
    );
    if (owner) return this.tell('already-registered', owner.id, address);
    const person = await this.database.one<{ id: string }>(
      `SELECT id FROM users WHERE id = $1 AND status = 'active' FOR UPDATE`,
      [personId],
    );
    if (person) await this.sendLink('verify-email', 'change-address', personId, address);
  }

  private async grant(purpose: LinkWish, address: string, from: Origin): Promise<void> {
    const person = await this.database.one<{ id: string }>(
      `SELECT id FROM users WHERE email = $1 AND status = 'active' AND ${ENTITLED[purpose]}
       FOR UPDATE`,
      [address],
    );
    if (!person) return;
    await this.sendLink(purpose, purpose, person.id, address);
    await this.audit.record({ kind: WISHED[purpose], subjectId: person.id, actorId: null }, from);
  }
}
