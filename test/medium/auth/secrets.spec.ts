import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { PASSWORD, startAccounts, type TestPerson } from '../../support/accounts.js';
import { LocalGoogle } from '../../support/google.js';

const folder = await mkdtemp(path.join(tmpdir(), 'hom-secrets-'));
const logFile = path.join(folder, 'log.jsonl');
const google = await LocalGoogle.start();
const api = await startAccounts({
  ...google.environment,
  LOG_LEVEL: 'trace',
  LOG_FILE: logFile,
});
afterAll(async () => {
  await api.app.close();
  await google.stop();
  await rm(folder, { recursive: true });
});

it('leaves no raw token, link, key or password in any row or log line of a whole run', async () => {
  const secrets: Record<string, string> = { password: PASSWORD };
  const keep = (name: string, value: unknown) => (secrets[name] = String(value));
  const keepLink = (name: string, token: string) => {
    keep(name, token);
    keep(`${name}, signature`, token.split('.')[1]);
  };

  const email = await api.register();
  keepLink('verification token', await api.newestToken(email));
  await api.call(`GET /verify-email?token=${secrets['verification token']}`);
  const token = secrets['verification token'];
  const tokens = await api.call<TestPerson>('POST /v1/auth/verify', { body: { token } });
  keep('access token', tokens.body.accessToken);
  keep('first refresh token', tokens.body.refreshToken);
  const refreshed = await api.call<TestPerson>('POST /v1/auth/refresh', {
    body: { refreshToken: tokens.body.refreshToken },
  });
  keep('second refresh token', refreshed.body.refreshToken);
  const key = await api.call('POST /v1/me/api-keys', {
    token: tokens.body.accessToken,
    headers: { 'idempotency-key': 'k' },
    body: { name: 'server' },
  });
  keep('API key', key.body['key']);
  await api.call('GET /v1/me', { token: String(key.body['key']) });

  await api.call('POST /v1/auth/forgot-password', { body: { email } });
  await api.mailsOnce(email, 2);
  keepLink('reset token', await api.newestToken(email));
  await api.call(`GET /reset-password?token=${secrets['reset token']}`);
  await api.call('POST /v1/auth/reset-password', {
    body: { token: secrets['reset token'], password: keep('new password', 'tea for two at 8') },
  });
  await api.call('POST /v1/auth/reset-password', { body: { token, password: 'tea for two at 9' } });

  google.answerNext({ sub: 'g-1', email: 'g@example.com', email_verified: true });
  const begun = await api.call('GET /v1/auth/google');
  const cookie = begun.headers.get('set-cookie')?.split(';')[0] ?? '';
  keep('flow cookie', cookie.split('=')[1]);
  const consent = await fetch(begun.headers.get('location') ?? '', { redirect: 'manual' });
  const back = new URL(consent.headers.get('location') ?? '');
  keep('code of Google', back.searchParams.get('code'));
  const done = await api.call(`GET ${back.pathname}${back.search}`, { headers: { cookie } });
  const code = new URL(done.headers.get('location') ?? '').searchParams.get('code');
  keep('one-time code', code);
  const exchanged = await api.call<TestPerson>('POST /v1/auth/exchange', { body: { code } });
  keep('refresh token of Google', exchanged.body.refreshToken);

  await sleep(300);
  const log = await readFile(logFile, 'utf8');
  expect(log).toContain('/v1/auth/google/callback');
  expect(log).toContain('/verify-email?token=[redacted]');
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secret.length, name).toBeGreaterThan(8);
    expect(log.includes(secret), `${name} in the log`).toBe(false);
    expect(await api.tablesWith(secret), name).toEqual([]);
  }
});
