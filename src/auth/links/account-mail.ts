import { defineTopic } from '../../platform/index.js';

export interface AccountMailRequested {
  readonly kind:
    | 'verify-email'
    | 'already-registered'
    | 'reset-password'
    | 'password-changed'
    | 'address-changed'
    | 'identity-linked'
    | 'identity-unlinked';
  readonly personId: string;
  /** Where the mail goes; for address-changed the old address. */
  readonly address: string;
  /** The link in the mail, see AccountLinks.urlOf; absent where the mail only tells something. */
  readonly linkId?: string;
}

/** A mail about an account is due. Appended in the transaction that causes it; mail consumes it. */
export const accountMailRequested = defineTopic<AccountMailRequested>('account.mail-requested');
