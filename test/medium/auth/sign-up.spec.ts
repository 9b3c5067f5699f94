import { afterAll, describe, expect, it } from 'vitest';
import { PASSWORD, startAccounts } from '../../support/accounts.js';

const api = await startAccounts();
afterAll(() => api.app.close());

const verify = (token: string) => api.call('POST /v1/auth/verify', { body: { token } });

describe('signing up', () => {
  it('leads from a registration over the link to a profile', async () => {
    const registered = await api.call('POST /v1/auth/register', {
      body: { email: ' Ada@Example.com', password: PASSWORD, name: 'Ada' },
    });
    expect(registered.status).toBe(202);
    expect((await api.logIn('ada@example.com')).body).toMatchObject({
      code: 'auth.email_not_verified',
    });
    const tokens = await verify(await api.newestToken('ada@example.com'));
    expect(tokens).toMatchObject({ status: 200, body: { expiresIn: 900 } });
    const me = await api.call('GET /v1/me', { token: String(tokens.body['accessToken']) });
    expect(me.body).toEqual({
      id: expect.any(String),
      email: 'ada@example.com',
      name: 'Ada',
      emailVerified: true,
      role: 'user',
      resultMails: 'all',
      createdAt: expect.stringMatching(/Z$/),
    });
  });

  it('tells the owner of a verified address instead of changing the account', async () => {
    const person = await api.signUp();
    await api.register(person.email, 'another password entirely');
    const mails = await api.mails(person.email);
    expect(mails.map((mail) => mail.kind)).toEqual(['verify-email', 'already-registered']);
    expect((await api.logIn(person.email)).status).toBe(200);
    expect((await api.logIn(person.email, 'another password entirely')).status).toBe(401);
  });

  it('replaces the pending password of an unverified address and ends its older link', async () => {
    const email = await api.register(undefined, 'the first password');
    const older = await api.newestToken(email);
    await api.register(email, 'the second password');
    expect(await verify(older)).toMatchObject({
      status: 400,
      body: { code: 'auth.token_invalid' },
    });
    expect((await verify(await api.newestToken(email))).status).toBe(200);
    expect((await api.logIn(email, 'the first password')).status).toBe(401);
    expect((await api.logIn(email, 'the second password')).status).toBe(200);
  });

  it('sends another link on request, which ends the older one', async () => {
    const email = await api.register();
    const older = await api.newestToken(email);
    const resent = await api.call('POST /v1/auth/resend-verification', { body: { email } });
    expect(resent.status).toBe(202);
    await api.mailsOnce(email, 2);
    expect((await verify(older)).status).toBe(400);
    expect((await verify(await api.newestToken(email))).status).toBe(200);
  });

  it.each([
    ['a short password', { password: 'seven77' }, 'password'],
    ['a common password', { password: 'Iloveyou1' }, 'password'],
    ['a long password', { password: 'x'.repeat(129) }, 'password'],
    ['seven emoji', { password: '🫖'.repeat(7) }, 'password'],
    ['129 emoji', { password: '🫖'.repeat(129) }, 'password'],
    ['too much that is not seen', { password: `abcdefgh${'\ufe0f'.repeat(121)}` }, 'password'],
    ['half a character', { password: 'abcdefgh\ud800' }, 'password'],
    ['an address without a host', { email: 'ada' }, 'email'],
    ['an address with a NUL', { email: 'a\0da@example.com' }, 'email'],
    ['too long an address', { email: `${'a'.repeat(64)}@${'b.'.repeat(94)}com` }, 'email'],
    ['a name with a control character', { name: 'A\0da' }, 'name'],
    ['a name longer than it looks', { name: `A${'\ufe0f'.repeat(100)}` }, 'name'],
    ['a role', { role: 'admin' }, 'role'],
  ])('refuses %s', async (_what, wrong, path) => {
    const body = { email: 'bob@example.com', password: PASSWORD, ...wrong };
    const answer = await api.call('POST /v1/auth/register', { body });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'http.validation_failed', errors: [{ path }] },
    });
  });

  it.each([
    ['126 umlauts, a NUL and a letter', `${'ü'.repeat(126)}\0a`, `${'ü'.repeat(126)}\0b`],
    ['128 emoji', '🫖'.repeat(128), `${'🫖'.repeat(127)}🫕`],
    ['8 emoji', '🫖'.repeat(8), `${'🫖'.repeat(7)}🫕`],
    ['one accent composed or not', 'caf\u00e9 au lait', 'cafe\u0301 au lait'],
    ['a blank at the end', 'a cup of tea ', 'a cup of tea'],
  ])('counts every byte of a password: %s', async (_what, password, other) => {
    const email = await api.register(undefined, password);
    await verify(await api.newestToken(email));
    expect((await api.logIn(email, other)).status).toBe(401);
    expect((await api.logIn(email, password)).status).toBe(200);
  });
});

describe('a verification link', () => {
  it('is used up by one of 50 parallel calls', async () => {
    const token = await api.newestToken(await api.register());
    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 400)).toHaveLength(49);
  });

  it('is not used up by 20 looks at its page', async () => {
    const token = await api.newestToken(await api.register());
    const looks = Array.from({ length: 20 }, (_, index) =>
      api.call(`${index % 2 ? 'GET' : 'HEAD'} /verify-email?token=${token}`),
    );
    for (const page of await Promise.all(looks)) expect(page.status).toBe(200);
    expect((await verify(token)).status).toBe(200);
  });

  it('ends after 24 hours', async () => {
    const email = await api.register();
    const token = await api.newestToken(email);
    const [link] = await api.database.query<{ hours: number }>(
      `UPDATE account_links SET expires_at = now() FROM users u
       WHERE u.id = user_id AND u.email = $1
       RETURNING extract(epoch FROM OLD.expires_at - account_links.created_at) / 3600 AS hours`,
      [email],
    );
    expect(Number(link?.hours)).toBe(24);
    expect((await verify(token)).status).toBe(400);
  });

  it('cannot serve another purpose', async () => {
    const person = await api.signUp();
    await api.call('POST /v1/auth/forgot-password', { body: { email: person.email } });
    await api.mailsOnce(person.email, 2);
    const token = await api.newestToken(person.email);
    expect((await verify(token)).status).toBe(400);
  });

  it('shows a page with a button and no script of others', async () => {
    const page = await api.call<string>('GET /verify-email?token="><script>alert(1)</script>');
    expect(page.body).not.toContain('alert(1)');
    expect(page.body).toContain('action="/v1/auth/verify"');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
  });
});
