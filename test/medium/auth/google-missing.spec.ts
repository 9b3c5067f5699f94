import { afterAll, describe, expect, it } from 'vitest';
import { startAccounts, type AccountsApi } from '../../support/accounts.js';

const without = await startAccounts();
const unreachable = await startAccounts({
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret',
  GOOGLE_ISSUER: 'http://127.0.0.1:1',
});
afterAll(async () => {
  await without.app.close();
  await unreachable.app.close();
});

const calls = (api: AccountsApi) => [
  api.call('GET /v1/auth/google'),
  api.call('GET /v1/auth/google/callback?code=x&state=y'),
  api.call('POST /v1/auth/google', { body: { idToken: 'a.b.c' } }),
];

describe('Google sign-in', () => {
  it('answers 503 without settings', async () => {
    for (const { status, body } of await Promise.all(calls(without))) {
      expect({ status, code: body['code'] }).toEqual({
        status: 503,
        code: 'auth.google_not_configured',
      });
    }
  });

  it('answers 503 when Google does not answer, and says when to come back', async () => {
    for (const { body, headers } of await Promise.all(calls(unreachable))) {
      expect(body['code']).toBe('auth.google_unavailable');
      expect(headers.get('retry-after')).toBe('60');
    }
  });
});
