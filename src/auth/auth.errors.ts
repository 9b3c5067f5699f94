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
  'auth.person_not_found': { status: 404, title: 'There is no such person' },
  'auth.session_not_found': { status: 404, title: 'There is no such session' },
});
