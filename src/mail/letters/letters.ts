import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { JOB_KINDS, type AccountKind, type ClaimedEmail, type JobKind } from '../email.js';
import { toMime } from '../sending/mime.js';
import { AccountLetters } from './account-letters.js';
import { Addressing, type Addressee } from './addressing.js';
import { JobLetters } from './job-letters.js';
import type { Letter } from './letter.js';

export interface AddressedMail {
  readonly recipient: string;
  readonly mime: Buffer;
}

const isJobKind = (kind: AccountKind | JobKind): kind is JobKind =>
  JOB_KINDS.some((candidate) => candidate === kind);

/** From a row to a finished mail. Everything is read anew: the row holds ids only. */
@Injectable()
export class Letters {
  constructor(
    private readonly addressing: Addressing,
    private readonly accounts: AccountLetters,
    private readonly jobs: JobLetters,
    private readonly config: Config,
  ) {}

  /** Throws Undeliverable when the mail must not go out any more. */
  async write(email: ClaimedEmail): Promise<AddressedMail> {
    const addressee = await this.addressing.of(email);
    const { address, name } = addressee;
    const letter = await this.letterFor(email, addressee);
    // React and the renderer take memory that only a process which sends mails should pay.
    const { renderLetter } = await import('../templates/index.js');
    const { html, text } = await renderLetter(letter);
    const mime = await toMime(
      { subject: letter.subject, html, text, pictures: letter.pictures },
      { emailId: email.id, from: this.config.mail.from, recipient: address, recipientName: name },
    );
    return { recipient: address, mime };
  }

  private letterFor(email: ClaimedEmail, addressee: Addressee): Promise<Letter> {
    return isJobKind(email.kind)
      ? this.jobs.write(email, addressee)
      : this.accounts.write(email, email.kind);
  }
}
