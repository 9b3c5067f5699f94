import { Injectable } from '@nestjs/common';
import { AccountLinks } from '../../auth/index.js';
import type { AccountKind, ClaimedEmail } from '../email.js';
import { oneLine } from '../sending/plain-words.js';
import { ACCOUNT_WORDS } from './account-words.js';
import { Undeliverable, type Letter } from './letter.js';
import { dateAndTime } from './wording.js';

/** Writes the mails about accounts. The link is computed here and is nowhere else. */
@Injectable()
export class AccountLetters {
  constructor(private readonly links: AccountLinks) {}

  /** Throws Undeliverable when the link in it would not work any more. */
  async write(email: ClaimedEmail, kind: AccountKind): Promise<Letter> {
    const { linkId } = email.payload;
    const link = linkId === undefined ? null : await this.links.urlOf(linkId);
    if (link && !link.isUsable) {
      throw new Undeliverable('The link in it was used, replaced or has expired.');
    }
    return {
      template: 'account',
      subject: ACCOUNT_WORDS[kind].subject,
      pictures: [],
      props: {
        kind,
        name: email.recipientName === null ? null : oneLine(email.recipientName, 80),
        link: link && { url: link.url, expires: dateAndTime(link.expiresAt) },
      },
    };
  }
}
