import { defineErrors } from '../platform/index.js';

/** Every refusal of the module. */
export const authError = defineErrors({
  'auth.token_invalid': { status: 400, title: 'The link or code cannot be used' },
  'auth.invalid_credentials': { status: 401, title: 'The address or the password is wrong' },
  'auth.email_not_verified': { status: 403, title: 'The address is not verified yet' },
  'auth.suspended': { status: 403, title: 'The account is suspended' },
  'auth.refresh_token_invalid': { status: 401, title: 'The session has ended' },
  'auth.wrong_password': { status: 403, title: 'The current password is wrong' },
  'auth.busy': { status: 503, title: 'Too many logins at this moment' },
  'auth.no_password': { status: 409, title: 'The account has no password' },
  'auth.google_not_configured': { status: 503, title: 'Google sign-in is not set up' },
  'auth.google_unavailable': { status: 503, title: 'Google does not answer' },
  'auth.google_refused': { status: 401, title: 'The sign-in with Google did not succeed' },
  'auth.google_email_not_verified': { status: 403, title: 'Google has not verified the address' },
  'auth.google_link_required': { status: 409, title: 'The address belongs to another account' },
  'auth.identity_in_use': { status: 409, title: 'This Google account is linked already' },
  'auth.identity_not_found': { status: 404, title: 'There is no such linked account' },
  'auth.api_key_not_found': { status: 404, title: 'There is no such API key' },
  'auth.api_key_limit': { status: 409, title: 'Too many API keys' },
  'auth.own_account': { status: 409, title: 'Not possible for your own account' },
  'auth.person_not_found': { status: 404, title: 'There is no such person' },
  'auth.session_not_found': { status: 404, title: 'There is no such session' },
});
