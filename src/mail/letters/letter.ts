import type { InlinePicture } from '../sending/mime.js';
import type { AccountMailProps } from '../templates/account-mail.js';
import type { FailureMailProps } from '../templates/failure-mail.js';
import type { ResultMailProps } from '../templates/result-mail.js';

/** What a mail says, before it is HTML: a template with its words, and the pictures in it. */
export type Letter = {
  readonly subject: string;
  readonly pictures: readonly InlinePicture[];
} & (
  | { readonly template: 'account'; readonly props: AccountMailProps }
  | { readonly template: 'result'; readonly props: ResultMailProps }
  | { readonly template: 'failure'; readonly props: FailureMailProps }
);

/** The mail must not go out any more; the message says why, for the row and the API. */
export class Undeliverable extends Error {
  constructor(
    message: string,
    readonly status: 'undeliverable' | 'suppressed' = 'undeliverable',
  ) {
    super(message);
  }
}
