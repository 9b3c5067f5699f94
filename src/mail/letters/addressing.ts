import { Injectable } from '@nestjs/common';
import { People, type Person } from '../../auth/index.js';
import type { ClaimedEmail } from '../email.js';
import { Emails } from '../emails.js';
import { isPlainAddress } from '../sending/plain-words.js';
import { Suppressions } from '../feedback/suppressions.js';
import { Undeliverable } from './letter.js';

export interface Addressee {
  readonly address: string;
  readonly name: string | null;
  /** Whose account or job the mail is about. */
  readonly owner: Person;
}

/**
 * Where a mail goes now, decided right before it is written: nothing goes out for an erased person;
 * what is meant for the owner of a job follows them to their present address, so that files never
 * reach an old one; an address from which mails came back gets none.
 */
@Injectable()
export class Addressing {
  constructor(
    private readonly people: People,
    private readonly emails: Emails,
    private readonly suppressions: Suppressions,
  ) {}

  /** Throws Undeliverable when it must go nowhere. */
  async of(email: ClaimedEmail): Promise<Addressee> {
    const person = await this.people.get(email.userId);
    if (person.status === 'erased') throw new Undeliverable('The account was erased.');
    let addressee: Addressee = {
      address: email.recipient,
      name: email.recipientName,
      owner: person,
    };
    if (email.payload.toOwner && person.email !== email.recipient) {
      addressee = { address: person.email, name: person.name, owner: person };
      if (!(await this.emails.redirect(email, person.email, person.name))) {
        throw new Undeliverable('The same mail goes to the new address already.');
      }
    }
    if (!isPlainAddress(addressee.address)) {
      throw new Undeliverable('The address cannot be written in a mail.');
    }
    const reason = await this.suppressions.find(addressee.address, email.kind);
    if (reason) throw new Undeliverable(reason, 'suppressed');
    return addressee;
  }
}
