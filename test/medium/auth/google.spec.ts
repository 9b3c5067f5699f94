import { createHmac, createPublicKey, randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { Config } from '../../../src/config/index.js';
import { PASSWORD, startAccounts, type TestPerson } from '../../support/accounts.js';
import { CLIENT_ID, LocalGoogle } from '../../support/google.js';

const FRONTEND = 'https://studio.example/app';
const google = await LocalGoogle.start();
const api = await startAccounts({ ...google.environment, FRONTEND_URL: FRONTEND });
afterAll(async () => {
  await api.app.close();
  await google.stop();
});

interface Claims {
  sub: string;
  email: string;
  email_verified: boolean;
  hd?: string;
  name?: string;
}

/** A person at Google: with `hd` Google is authoritative for the address. */
const someone = (claims: Partial<Claims> = {}): Claims => ({
  sub: randomUUID(),
  email: `${randomUUID()}@example.com`,
  email_verified: true,
  ...claims,
});
const workspace = (claims: Partial<Claims> = {}) => someone({ hd: 'example.com', ...claims });

const post = async (idToken: string, nonce?: string) =>
  api.call<TestPerson & { code?: string }>('POST /v1/auth/google', { body: { idToken, nonce } });
const signIn = async (claims: Claims) => post(await google.idToken({ ...claims }));
const me = async (token: string) => (await api.call('GET /v1/me', { token })).body;
const idOf = async (claims: Claims) => (await me((await signIn(claims)).body.accessToken))['id'];

describe('the button', () => {
  it('makes an account that is verified at once, and finds it again by its subject', async () => {
    const ada = someone({ name: 'Ada' });
    const first = await signIn(ada);
    expect(first.status).toBe(200);
    expect(await me(first.body.accessToken)).toMatchObject({
      email: ada.email,
      name: 'Ada',
      emailVerified: true,
    });
    const moved = { ...ada, email: 'elsewhere@example.com' };
    expect(await idOf(moved)).toBe(await idOf(ada));
  });

  it('makes one account when 10 first sign-ins run at once', async () => {
    const ada = workspace();
    const answers = await Promise.all(Array.from({ length: 10 }, () => signIn(ada)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
    const rows = await api.database.query('SELECT 1 FROM users WHERE email = $1', [ada.email]);
    expect(rows).toHaveLength(1);
  });

  it('goes on when Google rotates its keys', async () => {
    const ada = someone();
    expect((await signIn(ada)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const kid = await google.rotate();
    const old = await google.idToken({ ...ada });
    const next = await google.idToken({ ...ada }, {}, kid);
    // Before and after the rotation at once; a forged one in between spoils nothing.
    const forged = await google.idToken({ ...ada }, { kid: randomUUID() });
    const answers = await Promise.all([old, next, forged, next, old].map((token) => post(token)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 401, 200, 200]);
  });

  it('refuses a suspended person', async () => {
    const ada = someone();
    const id = await idOf(ada);
    await api.database.query(
      `UPDATE users SET status = 'suspended', suspended_at = now() WHERE id = $1`,
      [id],
    );
    expect((await signIn(ada)).body).toMatchObject({ status: 403, code: 'auth.suspended' });
    const event = await api.database.one(
      `SELECT ip, actor_id AS actor, details FROM audit_events
       WHERE subject_id = $1 AND kind = 'auth.login-refused'`,
      [id],
    );
    const details = { method: 'google', code: 'auth.suspended' };
    expect(event).toEqual({ ip: '127.0.0.1', actor: null, details });
  });

  it('accepts a nonce that the request repeats', async () => {
    const token = await google.idToken({ ...someone(), nonce: 'n-1' });
    expect((await post(token, 'n-1')).status).toBe(200);
  });
});

describe('a forged ID token', () => {
  const now = () => Math.floor(Date.now() / 1_000);
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const good = async (payload: object = {}, header: object = {}) =>
    google.idToken({ ...workspace(), ...payload }, { ...header });
  const parts = async () => (await good()).split('.') as [string, string, string];
  const publicPem = () =>
    createPublicKey({ key: google.publicJwk, format: 'jwk' } as never).export({
      type: 'spki',
      format: 'pem',
    });
  const hmac = async (key: string | Buffer, header: object) => {
    const [, payload] = await parts();
    const head = base64(header);
    const signature = createHmac('sha256', key).update(`${head}.${payload}`).digest('base64url');
    return `${head}.${payload}.${signature}`;
  };
  const kid = () => google.publicJwk['kid'];

  it.each<[string, () => Promise<string>]>([
    ['another audience', () => good({ aud: 'somebody-else' })],
    ['no audience', () => good({ aud: undefined })],
    ['an audience list without us', () => good({ aud: ['a', 'b'] })],
    ['an audience list without a party', () => good({ aud: [CLIENT_ID, 'b'], azp: undefined })],
    ['another authorised party', () => good({ azp: 'somebody-else' })],
    ['another issuer', () => good({ iss: 'https://accounts.example' })],
    ['no issuer', () => good({ iss: undefined })],
    ['the real Google as issuer', () => good({ iss: 'https://accounts.google.com' })],
    ['an issuer that begins alike', () => good({ iss: `${google.issuer}.evil.example` })],
    ['expired', () => good({ exp: now() - 60 })],
    ['no expiry', () => good({ exp: undefined })],
    ['an expiry in words', () => good({ exp: 'never' })],
    ['not valid yet', () => good({ nbf: now() + 600 })],
    ['issued in the future', () => good({ iat: now() + 600 })],
    ['no time of issue', () => good({ iat: undefined })],
    ['a nonce of another flow', () => good({ nonce: 'stolen' })],
    ['no subject', () => good({ sub: undefined })],
    ['an empty subject', () => good({ sub: '' })],
    ['a subject that is no text', () => good({ sub: { $ne: 1 } })],
    ['an unknown key id', () => good({}, { kid: 'unknown' })],
    ['no key id', () => good({}, { kid: undefined })],
    ['a key id that is no text', () => good({}, { kid: { a: 1 } })],
    ['a key of its own in the header', () => good({}, { jwk: google.publicJwk, kid: 'x' })],
    ['alg none', async () => `${base64({ alg: 'none', kid: kid() })}.${(await parts())[1]}.`],
    [
      'alg None, signed',
      async () => {
        const [, payload, signature] = await parts();
        return `${base64({ alg: 'None', kid: kid() })}.${payload}.${signature}`;
      },
    ],
    ['HS256 with the public key', () => hmac(publicPem(), { alg: 'HS256', kid: kid() })],
    ['RS256 named over an HMAC', () => hmac(publicPem(), { alg: 'RS256', kid: kid() })],
    ['HS256 with an empty key', () => hmac('', { alg: 'HS256', kid: kid() })],
    ['HS256 with our client secret', () => hmac('test-secret', { alg: 'HS256', kid: kid() })],
    [
      'HS256 with our own key',
      () => hmac(api.app.get(Config).auth.jwtKey, { alg: 'HS256', kid: kid() }),
    ],
    [
      'another payload under a good signature',
      async () => {
        const [header, , signature] = await parts();
        return `${header}.${base64({ ...workspace(), aud: CLIENT_ID })}.${signature}`;
      },
    ],
    ['no signature', async () => `${(await parts()).slice(0, 2).join('.')}.`],
    ['half a signature', async () => (await good()).slice(0, -40)],
  ])('is refused: %s', async (_what, forge) => {
    const answer = await post(await forge());
    expect(answer.body).toMatchObject({ status: 401, code: 'auth.google_refused' });
  });

  it('is refused with the wrong nonce, or none where one was asked for', async () => {
    const withNonce = await google.idToken({ ...someone(), nonce: 'n-1' });
    expect((await post(withNonce, 'n-2')).status).toBe(401);
    expect((await post(await good(), 'n-2')).status).toBe(401);
  });

  it('does not pass for an access token', async () => {
    expect((await api.call('GET /v1/me', { token: await good() })).status).toBe(401);
  });
});

describe('linking', () => {
  const identities = async (email: string) =>
    api.database.query<{ subject: string }>(
      'SELECT subject FROM identities i JOIN users u ON u.id = i.user_id WHERE u.email = $1',
      [email],
    );

  it('is automatic for a verified account when Google is authoritative; the owner is told', async () => {
    const person = await api.signUp();
    const answer = await signIn(workspace({ email: person.email }));
    expect(await me(answer.body.accessToken)).toMatchObject({ id: person.id });
    expect((await api.mails(person.email)).at(-1)).toMatchObject({ kind: 'identity-linked' });
    expect((await api.logIn(person.email)).status).toBe(200);
  });

  it('asks for the old way in when Google is not authoritative', async () => {
    const person = await api.signUp();
    const claims = someone({ email: person.email });
    expect((await signIn(claims)).body).toMatchObject({
      status: 409,
      code: 'auth.google_link_required',
    });
    const body = { idToken: await google.idToken({ ...claims }) };
    const linked = await api.call('POST /v1/me/identities/google', {
      token: person.accessToken,
      body,
    });
    expect(linked.status).toBe(204);
    expect(await idOf(claims)).toBe(person.id);
  });

  it.each([
    ['authoritative', workspace],
    ['not authoritative', someone],
  ])('refuses a second subject for an account that has one: %s', async (_what, make) => {
    const first = workspace();
    await signIn(first);
    expect((await signIn(make({ email: first.email }))).body).toMatchObject({
      code: 'auth.google_link_required',
    });
    expect(await identities(first.email)).toEqual([{ subject: first.sub }]);
  });

  it.each([
    ['authoritative', workspace],
    ['not authoritative', someone],
  ])('never keeps the password of an unverified account: %s', async (_what, make) => {
    const email = await api.register();
    const pending = await api.newestToken(email);
    const answer = await signIn(make({ email, name: 'The owner' }));
    expect(await me(answer.body.accessToken)).toMatchObject({ email, name: 'The owner' });
    expect((await api.logIn(email, PASSWORD)).status).toBe(401);
    expect((await api.call('POST /v1/auth/verify', { body: { token: pending } })).status).toBe(400);
  });

  it.each([
    ['no account', async () => `${randomUUID()}@example.com`],
    ['an unverified one', () => api.register()],
    ['a verified one', async () => (await api.signUp()).email],
  ])('needs an address that Google has verified: %s', async (_what, local) => {
    const claims = workspace({ email: await local(), email_verified: false });
    expect((await signIn(claims)).body).toMatchObject({ code: 'auth.google_email_not_verified' });
    expect(await identities(claims.email)).toEqual([]);
  });

  it('still opens the account when Google later calls its address unverified', async () => {
    const ada = someone();
    const id = await idOf(ada);
    expect(await idOf({ ...ada, email_verified: false })).toBe(id);
  });

  it('in the other order: a sign-up after Google changes nothing and tells the owner', async () => {
    const ada = someone();
    const id = await idOf(ada);
    await api.register(ada.email);
    expect((await api.mails(ada.email)).map((mail) => mail.kind)).toEqual(['already-registered']);
    expect((await api.logIn(ada.email)).status).toBe(401);
    expect(await idOf(ada)).toBe(id);
  });

  it('does not move a subject to another person', async () => {
    const ada = someone();
    const id = await idOf(ada);
    const bob = await api.signUp();
    expect(await idOf({ ...ada, email: bob.email })).toBe(id);
    const body = { idToken: await google.idToken({ ...ada }) };
    const linked = await api.call('POST /v1/me/identities/google', {
      token: bob.accessToken,
      body,
    });
    expect(linked.body).toMatchObject({ status: 409, code: 'auth.identity_in_use' });
  });

  it('loses a doubtful Google account when the mailbox proves its owner', async () => {
    const early = someone();
    const squatter = await signIn(early);
    const key = await api.call('POST /v1/me/api-keys', {
      token: squatter.body.accessToken,
      body: { name: 'left behind' },
    });
    await api.call('POST /v1/auth/forgot-password', { body: { email: early.email } });
    await api.mailsOnce(early.email, 1);
    const token = await api.newestToken(early.email);
    await api.call('POST /v1/auth/reset-password', { body: { token, password: PASSWORD } });
    expect((await signIn(early)).status).toBe(409);
    expect((await api.logIn(early.email)).status).toBe(200);
    const byKey = await api.call('GET /v1/me', { token: String(key.body['key']) });
    expect(byKey.status).toBe(401);
  });

  it('is undone by its owner, but never the only way in', async () => {
    const ada = await signIn(someone());
    const person = await api.signUp();
    await signIn(workspace({ email: person.email }));
    const unlink = async (token: string) => {
      const list = await api.call<{ items: { id: string }[] }>('GET /v1/me/identities', { token });
      return list.body.items[0]?.id;
    };
    const [only, other] = [await unlink(ada.body.accessToken), await unlink(person.accessToken)];
    const call = (token: string, id?: string) =>
      api.call(`DELETE /v1/me/identities/${id}`, { token });
    expect((await call(ada.body.accessToken, only)).body).toMatchObject({
      code: 'auth.no_password',
    });
    expect((await call(ada.body.accessToken, other)).status).toBe(404);
    expect((await call(person.accessToken, other)).status).toBe(204);
    expect((await api.mails(person.email)).at(-1)).toMatchObject({ kind: 'identity-unlinked' });
  });
});

/** Every state of the account here × what Google says of the address × whose the subject is. */
describe('the matrix of linking', () => {
  const SAYS = {
    authoritative: { hd: 'example.com' },
    'not authoritative': {},
    'not verified': { hd: 'example.com', email_verified: false },
  };
  type Says = keyof typeof SAYS;
  type Local = 'nobody' | 'unverified' | 'verified';
  type Subject = 'new' | 'its own' | 'another of its own' | "somebody else's";
  const LOCALS: readonly Local[] = ['nobody', 'unverified', 'verified'];
  const SUBJECTS: readonly Subject[] = ['new', 'its own', 'another of its own', "somebody else's"];

  /** What has to come of it, straight from the rules. */
  const outcomeOf = (local: Local, says: Says, subject: Subject): string => {
    // The subject is the key: whatever the address says now, it opens the account it is linked to.
    if (subject === 'its own') return 'this account';
    if (subject === "somebody else's") return "somebody else's account";
    if (says === 'not verified') return 'auth.google_email_not_verified';
    if (subject === 'another of its own') return 'auth.google_link_required';
    if (local === 'nobody') return 'a new account';
    if (local === 'unverified') return 'this account, emptied';
    return says === 'authoritative' ? 'this account' : 'auth.google_link_required';
  };

  /** Only who is verified can have a Google account linked already. */
  const cases = LOCALS.flatMap((local) =>
    (Object.keys(SAYS) as Says[]).flatMap((says) =>
      SUBJECTS.filter((subject) => local === 'verified' || !subject.includes('own')).map(
        (subject) => [local, says, subject, outcomeOf(local, says, subject)] as const,
      ),
    ),
  );
  const link = async (id: string, subject: string, email: string) =>
    api.database.query(
      `INSERT INTO identities (user_id, provider, subject, email, is_authoritative)
       VALUES ($1, 'google', $2, $3, true)`,
      [id, subject, email],
    );
  const accountsOf = (email: string) =>
    api.database.query<{ id: string; googles: string }>(
      `SELECT id, (SELECT count(*) FROM identities i WHERE i.user_id = u.id)::text AS googles
       FROM users u WHERE email = $1`,
      [email],
    );

  it.each(cases)('%s here, %s, the subject is %s: %s', async (local, says, subject, outcome) => {
    const email = `${randomUUID()}@example.com`;
    const claims = someone({ email, ...SAYS[says] });
    const person = local === 'verified' ? await api.signUp(email) : undefined;
    if (local === 'unverified') await api.register(email);
    const other = await api.signUp();
    if (subject === 'its own') await link(person?.id ?? '', claims.sub, email);
    if (subject === 'another of its own') await link(person?.id ?? '', randomUUID(), email);
    if (subject === "somebody else's") await link(other.id, claims.sub, other.email);
    const [before] = await accountsOf(email);

    const { body, status } = await signIn(claims);
    const opened = status === 200 ? await me(body.accessToken) : undefined;
    const [after, ...more] = await accountsOf(email);
    expect(more).toEqual([]);
    expect(Number(after?.googles ?? 0)).toBeLessThan(2);
    const password = (await api.logIn(email)).status;
    if (outcome.startsWith('auth.')) {
      expect(body.code).toBe(outcome);
      expect(after).toEqual(before);
    } else if (outcome === "somebody else's account") {
      expect(opened).toMatchObject({ id: other.id });
      expect(after).toEqual(before);
    } else {
      expect(opened).toMatchObject({ email, emailVerified: true });
      expect(after?.googles).toBe('1');
      if (before) expect(after?.id).toBe(before.id);
    }
    // The password counts where its owner had proven the address, and nowhere else.
    const kept = local === 'unverified' && !outcome.endsWith('emptied') ? 403 : 401;
    expect(password).toBe(local === 'verified' ? 200 : kept);
  });

  it.each(
    (Object.keys(SAYS) as Says[]).flatMap((says) =>
      [false, true].map((proves) => [says, proves ? 'proven' : 'not proven', proves] as const),
    ),
  )('the other order: Google first, %s, then a sign-up that is %s', async (says, _how, proves) => {
    const email = `${randomUUID()}@example.com`;
    const claims = someone({ email, ...SAYS[says] });
    const isRefused = says === 'not verified';
    const first = await signIn(claims);
    expect(first.status).toBe(isRefused ? 403 : 200);
    const [account] = await accountsOf(email);
    await api.register(email);
    const [mail] = (await api.mails(email)).slice(-1);
    expect(mail?.kind).toBe(isRefused ? 'verify-email' : 'already-registered');
    expect((await api.logIn(email)).status).toBe(isRefused ? 403 : 401);
    if (proves) {
      const token = await api.newestToken(email);
      const proof = isRefused
        ? await api.call('POST /v1/auth/verify', { body: { token } })
        : await api.call('POST /v1/auth/reset-password', { body: { token, password: PASSWORD } });
      expect(proof.status).toBe(isRefused ? 200 : 204);
      expect((await api.logIn(email)).status).toBe(200);
    }
    const again = await signIn(claims);
    const code = proves && says === 'not authoritative' ? 'auth.google_link_required' : undefined;
    expect(again.body.code).toBe(isRefused ? 'auth.google_email_not_verified' : code);
    if (again.status === 200)
      expect(await me(again.body.accessToken)).toMatchObject({ id: account?.id });
    expect(await accountsOf(email)).toHaveLength(1);
  });
});

describe('the code flow', () => {
  const begin = async (query = '') => {
    const answer = await api.call(`GET /v1/auth/google${query}`);
    const cookie = answer.headers.get('set-cookie') ?? '';
    return { answer, cookie, location: new URL(answer.headers.get('location') ?? 'about:blank') };
  };
  /** What Google's page answers; `change` tampers with the way back. */
  const consent = async (location: URL, change: (back: URL) => void = () => undefined) => {
    const response = await fetch(location, { redirect: 'manual' });
    const back = new URL(response.headers.get('location') ?? '');
    change(back);
    return back;
  };
  const finish = async (back: URL, cookie: string) => {
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    const answer = await api.call(`GET ${back.pathname}${back.search}`, { headers });
    return { answer, target: new URL(answer.headers.get('location') ?? 'about:blank') };
  };
  const exchange = (code: string | null) =>
    api.call<TestPerson>('POST /v1/auth/exchange', { body: { code } });

  it('goes to Google with PKCE, state and nonce, whatever the Host header says', async () => {
    const { answer, cookie, location } = await begin();
    expect(answer.status).toBe(302);
    expect(location.origin).toBe(google.issuer);
    expect(Object.fromEntries(location.searchParams)).toMatchObject({
      response_type: 'code',
      scope: 'openid email profile',
      code_challenge_method: 'S256',
      redirect_uri: 'http://localhost:3000/v1/auth/google/callback',
      client_id: CLIENT_ID,
      state: expect.stringMatching(/.{20}/),
      nonce: expect.stringMatching(/.{20}/),
    });
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
  });

  it('ends at the frontend with a code that opens one session, and no token', async () => {
    const ada = someone();
    google.answerNext({ ...ada });
    const { cookie, location } = await begin('?returnTo=/projects/7');
    const { answer, target } = await finish(await consent(location), cookie);
    expect(answer.status).toBe(302);
    expect(target.href).toMatch(/^https:\/\/studio\.example\/app\/projects\/7\?code=[\w-]{43}$/);
    const code = target.searchParams.get('code');
    const answers = await Promise.all([exchange(code), exchange(code), exchange(code)]);
    const opened = answers.filter((each) => each.status === 200);
    expect(opened).toHaveLength(1);
    expect(await me(String(opened[0]?.body.accessToken))).toMatchObject({ email: ada.email });
  });

  it('ignores a place to return to outside the frontend', async () => {
    google.answerNext({ ...someone() });
    const { cookie, location } = await begin('?returnTo=//evil.example/x');
    const { target } = await finish(await consent(location), cookie);
    expect(target.origin + target.pathname).toBe(FRONTEND);
  });

  it('ends a code after a minute', async () => {
    google.answerNext({ ...someone() });
    const { cookie, location } = await begin();
    const { target } = await finish(await consent(location), cookie);
    await api.database.query('UPDATE login_codes SET expires_at = now()');
    expect((await exchange(target.searchParams.get('code'))).status).toBe(400);
  });

  const refused = { searchParams: 'auth.google_refused' };
  it.each<[string, (back: URL) => void, Record<string, unknown>]>([
    ['another state', (back) => back.searchParams.set('state', 'x'), {}],
    ['no state', (back) => back.searchParams.delete('state'), {}],
    ['another code', (back) => back.searchParams.set('code', 'x'), {}],
    [
      'a person who declines',
      (back) => {
        back.searchParams.delete('code');
        back.searchParams.set('error', 'access_denied');
      },
      {},
    ],
    ['a token with another nonce', () => undefined, { nonce: 'x' }],
    ['a token for somebody else', () => undefined, { aud: 'x' }],
    ['a token of another party', () => undefined, { azp: 'x' }],
    ['a token that has expired', () => undefined, { exp: 1 }],
  ])('refuses %s', async (_what, change, claims) => {
    google.answerNext({ ...someone(), ...claims });
    const { cookie, location } = await begin();
    const { target } = await finish(await consent(location, change), cookie);
    expect(target.searchParams.get('error')).toBe(refused.searchParams);
    expect(target.searchParams.get('code')).toBeNull();
  });

  it('refuses a callback without its browser, and a second one', async () => {
    google.answerNext({ ...someone() });
    const { cookie, location } = await begin();
    const back = await consent(location);
    expect((await finish(back, '')).target.searchParams.get('error')).toBe('auth.google_refused');
    const other = await begin();
    expect((await finish(back, other.cookie)).target.searchParams.get('error')).not.toBeNull();
    expect((await finish(back, cookie)).target.searchParams.get('code')).not.toBeNull();
    expect((await finish(back, cookie)).target.searchParams.get('code')).toBeNull();
  });

  it('tells the frontend why an account was not opened', async () => {
    const person = await api.signUp();
    google.answerNext({ ...someone({ email: person.email }) });
    const { cookie, location } = await begin();
    const { target } = await finish(await consent(location), cookie);
    expect(target.searchParams.get('error')).toBe('auth.google_link_required');
  });
});
