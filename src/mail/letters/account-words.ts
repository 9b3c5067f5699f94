import type { AccountKind } from '../email.js';

interface AccountWords {
  readonly subject: string;
  readonly heading: string;
  readonly lines: readonly string[];
  readonly button?: string;
  readonly reason: string;
}

const NOT_YOU = 'If this was not you, reset your password at once and write to us.';

/** What each mail about an account says. */
export const ACCOUNT_WORDS: Readonly<Record<AccountKind, AccountWords>> = {
  'verify-email': {
    subject: 'Confirm your address',
    heading: 'Confirm your address',
    lines: ['One click and you can order your first picture.'],
    button: 'Confirm this address',
    reason:
      'You get this mail because somebody gave this address to House of Models. If it was not you, do nothing: without the click nothing happens.',
  },
  'already-registered': {
    subject: 'You already have an account',
    heading: 'You already have an account',
    lines: [
      'Somebody, probably you, tried to sign up with this address. It has an account already: log in, or reset your password if you do not remember it.',
    ],
    button: 'Reset the password',
    reason:
      'You get this mail because somebody tried to sign up with this address. If it was not you, do nothing.',
  },
  'reset-password': {
    subject: 'Reset your password',
    heading: 'Choose a new password',
    lines: ['A new password ends every session on every device.'],
    button: 'Choose a new password',
    reason:
      'You get this mail because somebody asked for a new password for this address. If it was not you, do nothing: your password stays.',
  },
  'password-changed': {
    subject: 'Your password was changed',
    heading: 'Your password was changed',
    lines: ['Every session has ended. Log in with the new password.', NOT_YOU],
    reason: 'A security notice about your account at House of Models.',
  },
  'address-changed': {
    subject: 'Your address was changed',
    heading: 'Your account has a new address',
    lines: [
      'From now on all mails about your account and your pictures go to the new address.',
      NOT_YOU,
    ],
    reason:
      'A security notice about your account at House of Models, sent to the old address for the last time.',
  },
  'identity-linked': {
    subject: 'A new way to log in',
    heading: 'A new way to log in was added',
    lines: ['You can now also log in with your Google account.', NOT_YOU],
    reason: 'A security notice about your account at House of Models.',
  },
  'identity-unlinked': {
    subject: 'A way to log in was removed',
    heading: 'Your Google account was unlinked',
    lines: ['It no longer opens your account. Log in with your address and password.', NOT_YOU],
    reason: 'A security notice about your account at House of Models.',
  },
};
