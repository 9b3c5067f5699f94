import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../../src/platform/index.js';
import { AccountsApi, PASSWORD, startAccounts } from '../../support/accounts.js';
import { testQueues } from '../../support/house.js';

const environment = { TRUST_PROXY: '1', ...testQueues() };
const api = await startAccounts(environment);
const twin = await startAccounts({ ...environment, DATABASE_URL: api.databaseUrl });
afterAll(async () => {
  await twin.app.close();
  await api.app.close();
});

const from = (ip: string) => ({ 'x-forwarded-for': ip });
const logIn = (server: AccountsApi, email: string, ip: string, password = 'a wrong guess') =>
  server.call('POST /v1/auth/login', { body: { email, password }, headers: from(ip) });

describe('wrong logins', () => {
  it('are limited per address and network, by all processes together', async () => {
    const person = await api.signUp();
    for (let wrong = 0; wrong < 20; wrong++) {
      const server = wrong % 2 ? api : twin;
      expect((await logIn(server, person.email, '198.51.100.1')).status).toBe(401);
    }
    for (const server of [api, twin]) {
      const refused = await logIn(server, person.email, '198.51.100.1', PASSWORD);
      expect(refused.body).toMatchObject({ status: 429, code: 'http.rate_limited' });
      const seconds = Number(refused.headers.get('retry-after'));
      expect(seconds).toBeGreaterThan(800);
      expect(refused.headers.get('ratelimit')).toBe(`"login";r=0;t=${seconds}`);
      expect(refused.headers.get('ratelimit-policy')).toBe('"login";q=20;w=900');
    }
    // Somebody else's guesses do not lock the person out.
    expect((await logIn(api, person.email, '198.51.100.2', PASSWORD)).status).toBe(200);
  });

  it('count for an unknown address just the same', async () => {
    const email = `${randomUUID()}@example.com`;
    const statuses = [];
    for (let wrong = 0; wrong < 21; wrong++) {
      statuses.push((await logIn(api, email, '198.51.100.3')).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429]);
  });

  it('do not include right ones', async () => {
    const person = await api.signUp();
    for (let right = 0; right < 25; right++) {
      expect((await logIn(api, person.email, '198.51.100.4', PASSWORD)).status).toBe(200);
    }
  });

  it('count a whole IPv6 network as one', async () => {
    const email = `${randomUUID()}@example.com`;
    const statuses = [];
    for (let wrong = 0; wrong < 21; wrong++) {
      statuses.push((await logIn(api, email, `2001:db8:1:2::${wrong + 1}`)).status);
    }
    expect(statuses.at(-1)).toBe(429);
  });
});

describe('mails', () => {
  it('are limited to ten an hour for one address, whoever asks in whatever way', async () => {
    const email = `${randomUUID()}@example.com`;
    const ways = [
      ['POST /v1/auth/register', { email, password: PASSWORD }],
      ['POST /v1/auth/forgot-password', { email }],
      ['POST /v1/auth/resend-verification', { email: email.toUpperCase() }],
    ] as const;
    const statuses = [];
    for (let time = 0; time < 12; time++) {
      const [route, body] = ways[time % ways.length] ?? ways[0];
      const answer = await api.call(route, { body, headers: from(`203.0.113.${time}`) });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 202), 429, 429]);
  });
});

/** The widest limit at the strictest scale. */
const MOST = 20;

describe('every limited route', () => {
  it('says its policy, and 429 with when to come back', async () => {
    const strict = await startAccounts({ ...environment, RATE_LIMIT_SCALE: '0.01' });
    const person = await strict.provision('user');
    const { paths } = openApiDocument(strict.app);
    const routes = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // Those that would end the person or the session with which the others are tried.
    const tried = routes.filter((route) => !route.startsWith('DELETE'));
    const limited: string[] = [];
    for (const [at, route] of tried.entries()) {
      const send = () =>
        strict.call(route.replace('{id}', randomUUID()), {
          token: person.accessToken,
          ...(!route.startsWith('GET') && { body: { email: `${at}@example.com` } }),
          headers: from(`192.0.2.${at}`),
        });
      let last = await send();
      if (!last.headers.has('ratelimit-policy')) continue;
      limited.push(route);
      for (let left = MOST; left > 0 && last.status !== 429; left--) last = await send();
      expect(last.body, route).toMatchObject({ status: 429, code: 'http.rate_limited' });
      expect(last.headers.get('retry-after'), route).toMatch(/^[1-9]\d*$/);
      expect(last.headers.get('ratelimit'), route).toMatch(/^"[\w-]+";r=0;t=\d+$/);
      expect(last.headers.get('ratelimit-policy'), route).toMatch(/^"[\w-]+";q=\d+;w=\d+$/);
    }
    const open = routes.filter((route) => /^\w+ \/v1\/auth\//.test(route));
    expect(limited).toEqual(expect.arrayContaining([...open, 'POST /v1/me/password']));
    expect(limited).toContain('POST /v1/me/email');
    await strict.app.close();
  });
});

describe('a client address', () => {
  it('is believed from one proxy only', async () => {
    const person = await api.signUp();
    await logIn(api, person.email, '10.9.9.9, 198.51.100.77');
    const event = await api.database.one<{ ip: string }>(
      `SELECT ip FROM audit_events WHERE subject_id = $1 AND kind = 'auth.login-failed'`,
      [person.id],
    );
    expect(event?.ip).toBe('198.51.100.77');
  });

  it('is the connection itself where no proxy is trusted', async () => {
    const plain = await startAccounts({ DATABASE_URL: api.databaseUrl });
    const person = await api.signUp();
    await logIn(plain, person.email, '198.51.100.78');
    const event = await api.database.one<{ ip: string }>(
      `SELECT ip FROM audit_events WHERE subject_id = $1 AND kind = 'auth.login-failed'`,
      [person.id],
    );
    expect(event?.ip).toBe('127.0.0.1');
    await plain.app.close();
  });
});
