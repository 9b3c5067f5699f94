import { randomUUID } from 'node:crypto';
import argon2 from 'argon2';
import { afterAll, describe, expect, it } from 'vitest';
import { PASSWORD, startAccounts } from '../../support/accounts.js';

const NEXT = 'two cups of tea at 8';
const api = await startAccounts();
afterAll(() => api.app.close());

const isLoggedIn = async (token: string) =>
  (await api.call('GET /v1/me', { token })).status === 200;
const forgot = (email: string) => api.call('POST /v1/auth/forgot-password', { body: { email } });
const reset = (token: string, password = NEXT) =>
  api.call('POST /v1/auth/reset-password', { body: { token, password } });

describe('a forgotten password', () => {
  it('is replaced through the mailbox, which ends every session', async () => {
    const person = await api.signUp();
    expect((await forgot(person.email)).status).toBe(202);
    await api.mailsOnce(person.email, 2);
    const token = await api.newestToken(person.email);
    expect((await reset(token)).status).toBe(204);
    expect((await reset(token)).body).toMatchObject({ code: 'auth.token_invalid' });
    expect(await isLoggedIn(person.accessToken)).toBe(false);
    expect((await api.logIn(person.email)).status).toBe(401);
    expect((await api.logIn(person.email, NEXT)).status).toBe(200);
    expect((await api.mails(person.email)).at(-1)).toMatchObject({ kind: 'password-changed' });
  });

  it('brings a link of 30 minutes that a newer one ends', async () => {
    const person = await api.signUp();
    await forgot(person.email);
    await api.mailsOnce(person.email, 2);
    const older = await api.newestToken(person.email);
    await forgot(person.email);
    await api.mailsOnce(person.email, 3);
    expect((await reset(older)).status).toBe(400);
    const [link] = await api.database.query<{ minutes: string }>(
      `UPDATE account_links SET expires_at = now() WHERE used_at IS NULL AND killed_at IS NULL
         AND user_id = $1 AND purpose = 'reset-password'
       RETURNING extract(epoch FROM OLD.expires_at - account_links.created_at) / 60 AS minutes`,
      [person.id],
    );
    expect(Number(link?.minutes)).toBe(30);
    expect((await reset(await api.newestToken(person.email))).status).toBe(400);
  });

  it('brings a link that 20 looks at its page do not use up', async () => {
    const person = await api.signUp();
    await forgot(person.email);
    await api.mailsOnce(person.email, 2);
    const token = await api.newestToken(person.email);
    const looks = Array.from({ length: 20 }, (_, index) =>
      api.call(`${index % 2 ? 'GET' : 'HEAD'} /reset-password?token=${token}`),
    );
    for (const page of await Promise.all(looks)) expect(page.status).toBe(200);
    const uses = await Promise.all([reset(token), reset(token), reset(token)]);
    expect(uses.map((use) => use.status).toSorted((a, b) => a - b)).toEqual([204, 400, 400]);
    const asked = await api.database.one<{ ip: string; actor: string | null }>(
      `SELECT ip, actor_id AS actor FROM audit_events
       WHERE subject_id = $1 AND kind = 'auth.password-reset-requested'`,
      [person.id],
    );
    expect(asked).toEqual({ ip: '127.0.0.1', actor: null });
  });

  it('brings no mail to an address that is unknown or unverified', async () => {
    const unknown = `${randomUUID()}@example.com`;
    const unverified = await api.register();
    await forgot(unknown);
    await forgot(unverified);
    const known = await api.signUp();
    await forgot(known.email);
    await api.mailsOnce(known.email, 2);
    expect(await api.mails(unknown)).toEqual([]);
    expect(await api.mails(unverified)).toHaveLength(1);
  });
});

describe('changing the password', () => {
  const change = (token: string, currentPassword: string, newPassword = NEXT) =>
    api.call('POST /v1/me/password', { token, body: { currentPassword, newPassword } });

  it('needs the current one, keeps this session and ends the others', async () => {
    const person = await api.signUp();
    const other = await api.logIn(person.email);
    expect((await change(person.accessToken, 'not this one')).body).toMatchObject({
      status: 403,
      code: 'auth.wrong_password',
    });
    expect((await change(person.accessToken, PASSWORD)).status).toBe(204);
    expect(await isLoggedIn(person.accessToken)).toBe(true);
    expect(await isLoggedIn(other.body.accessToken)).toBe(false);
    expect((await api.mails(person.email)).at(-1)).toMatchObject({ kind: 'password-changed' });
  });

  it('cannot be used to guess the current one', async () => {
    const person = await api.signUp();
    const guesses = Array.from({ length: 12 }, () => change(person.accessToken, 'a guess'));
    const statuses = (await Promise.all(guesses)).map((answer) => answer.status);
    expect(statuses.filter((status) => status === 403)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
  });
});

describe('changing the address', () => {
  const change = (token: string, email: string, password = PASSWORD) =>
    api.call('POST /v1/me/email', { token, body: { email, password } });
  const verify = (token: string) => api.call('POST /v1/auth/verify', { body: { token } });

  it('happens when the link in the new mailbox is used, and tells the old one', async () => {
    const person = await api.signUp();
    const next = `${randomUUID()}@new.example`;
    expect((await change(person.accessToken, next)).status).toBe(202);
    await api.mailsOnce(next, 1);
    expect((await api.call('GET /v1/me', { token: person.accessToken })).body).toMatchObject({
      email: person.email,
    });
    expect((await verify(await api.newestToken(next))).status).toBe(200);
    expect((await api.logIn(next)).status).toBe(200);
    expect((await api.logIn(person.email)).status).toBe(401);
    expect((await api.mails(person.email)).at(-1)).toMatchObject({ kind: 'address-changed' });
  });

  it('is called off by a change of the password', async () => {
    const person = await api.signUp();
    const next = `${randomUUID()}@new.example`;
    await change(person.accessToken, next);
    await api.mailsOnce(next, 1);
    const body = { currentPassword: PASSWORD, newPassword: NEXT };
    await api.call('POST /v1/me/password', { token: person.accessToken, body });
    expect((await verify(await api.newestToken(next))).status).toBe(400);
  });

  it('answers the same for an address that somebody has, and changes nothing', async () => {
    const [ada, bob] = [await api.signUp(), await api.signUp()];
    const taken = await change(ada.accessToken, bob.email);
    const free = await change(ada.accessToken, `${randomUUID()}@new.example`);
    expect([taken.status, taken.body]).toEqual([free.status, free.body]);
    expect((await api.mailsOnce(bob.email, 2)).at(-1)).toMatchObject({
      kind: 'already-registered',
    });
  });

  it('takes the address from a sign-up that never proved it', async () => {
    const squatted = await api.register();
    const person = await api.signUp();
    await change(person.accessToken, squatted);
    await api.mailsOnce(squatted, 2);
    expect((await verify(await api.newestToken(squatted))).status).toBe(200);
    expect((await api.logIn(squatted)).status).toBe(200);
  });

  it('loses the race against somebody who proved the address first', async () => {
    const person = await api.signUp();
    const wanted = `${randomUUID()}@new.example`;
    await change(person.accessToken, wanted);
    await api.mailsOnce(wanted, 1);
    const token = await api.newestToken(wanted);
    await api.signUp(wanted);
    expect((await verify(token)).body).toMatchObject({ code: 'auth.token_invalid' });
  });
});

describe('a stored password', () => {
  it('is rehashed at login when it was made with weaker settings', async () => {
    const person = await api.signUp();
    const weak = await argon2.hash(PASSWORD, { memoryCost: 8 * 1024, timeCost: 2, parallelism: 1 });
    await api.database.query('UPDATE users SET password_hash = $2 WHERE id = $1', [
      person.id,
      weak,
    ]);
    expect((await api.logIn(person.email)).status).toBe(200);
    const row = await api.database.one<{ hash: string }>(
      'SELECT password_hash AS hash FROM users WHERE id = $1',
      [person.id],
    );
    expect(row?.hash).toMatch(/^\$argon2id\$v=19\$m=19456,(?=.*t=2)(?=.*p=1)/);
    expect((await api.logIn(person.email)).status).toBe(200);
  });
});

describe('many logins at once', () => {
  it('are turned away with 503 before they starve the API', async () => {
    const logins = Array.from({ length: 150 }, () => api.logIn(`${randomUUID()}@example.com`));
    const start = performance.now();
    expect((await api.call('GET /health/live')).status).toBe(200);
    const waitedMs = performance.now() - start;
    const answers = await Promise.all(logins);
    const busy = answers.filter((answer) => answer.status === 503);
    expect(busy[0]?.body).toMatchObject({ code: 'auth.busy' });
    expect(busy[0]?.headers.get('retry-after')).toBe('2');
    expect(answers.filter((answer) => answer.status === 401).length).toBeGreaterThanOrEqual(64);
    expect(waitedMs).toBeLessThan(1_000);
  });
});
