import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { People } from '../../../src/auth/index.js';
import { PASSWORD, startAccounts } from '../../support/accounts.js';

const api = await startAccounts();
afterAll(() => api.app.close());
const admin = await api.provision('admin');
const asAdmin = (route: string, body?: unknown) =>
  api.call<{ items: Record<string, unknown>[]; nextCursor?: string }>(route, {
    token: admin.accessToken,
    body,
  });

describe('an admin', () => {
  it('finds a person by a part of the address', async () => {
    const person = await api.signUp();
    const part = encodeURIComponent(person.email.slice(3, 20).toUpperCase());
    const found = await asAdmin(`GET /v1/admin/users?email=${part}`);
    expect(found.body.items).toMatchObject([{ id: person.id, status: 'active', role: 'user' }]);
    expect((await asAdmin(`GET /v1/admin/users/${person.id}`)).body).toMatchObject({
      email: person.email,
    });
    expect((await asAdmin('GET /v1/admin/users?email=%25')).body.items).toEqual([]);
  });

  it('pages through persons without losing or doubling one', async () => {
    await Promise.all(Array.from({ length: 5 }, () => api.register()));
    const seen: unknown[] = [];
    let cursor = '';
    do {
      const { body } = await asAdmin(`GET /v1/admin/users?limit=2${cursor}`);
      seen.push(...body.items.map((item) => item['id']));
      cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : '';
    } while (cursor);
    const all = await api.database.query<{ id: string }>('SELECT id FROM users');
    expect(seen).toHaveLength(all.length);
    expect(new Set(seen)).toEqual(new Set(all.map((row) => row.id)));
  });

  it('locks a person out at once, and lets them in again', async () => {
    const person = await api.signUp();
    const key = await api.call('POST /v1/me/api-keys', {
      token: person.accessToken,
      body: { name: 'server' },
    });
    const apiKey = String(key.body['key']);
    const ways = async () => ({
      access: (await api.call('GET /v1/me', { token: person.accessToken })).status,
      key: (await api.call('GET /v1/me', { token: apiKey })).status,
      refresh: (
        await api.call('POST /v1/auth/refresh', { body: { refreshToken: person.refreshToken } })
      ).status,
      login: (await api.logIn(person.email)).status,
      wrong: (await api.logIn(person.email, 'a wrong password')).status,
    });
    const suspend = `POST /v1/admin/users/${person.id}/suspend`;
    expect((await asAdmin(suspend, { reason: 'chargeback' })).body).toMatchObject({
      status: 'suspended',
    });
    expect((await asAdmin(suspend, { reason: 'again' })).status).toBe(200);
    expect(await ways()).toEqual({ access: 401, key: 401, refresh: 401, login: 403, wrong: 401 });
    await asAdmin(`POST /v1/admin/users/${person.id}/restore`);
    expect(await ways()).toEqual({ access: 401, key: 200, refresh: 401, login: 200, wrong: 401 });
  });

  it('cannot lock themselves out, nor somebody who does not exist', async () => {
    const body = { reason: 'x' };
    expect((await asAdmin(`POST /v1/admin/users/${admin.id}/suspend`, body)).body).toMatchObject({
      code: 'auth.own_account',
    });
    expect((await asAdmin(`POST /v1/admin/users/${randomUUID()}/suspend`, body)).status).toBe(404);
  });

  it('reads who did what, when and from where', async () => {
    const person = await api.signUp();
    await api.call('POST /v1/auth/login', {
      body: { email: person.email, password: 'a wrong password' },
      headers: { 'user-agent': 'curl/8', 'x-request-id': 'request-7' },
    });
    await asAdmin(`POST /v1/admin/users/${person.id}/suspend`, { reason: 'spam' });
    const { body } = await asAdmin(`GET /v1/admin/audit-events?personId=${person.id}`);
    expect(body.items.map((event) => event['kind'])).toEqual([
      'auth.person-suspended',
      'auth.login-failed',
      'auth.address-verified',
      'auth.registered',
    ]);
    expect(body.items[0]).toMatchObject({
      actorId: admin.id,
      subjectId: person.id,
      details: { reason: 'spam' },
    });
    expect(body.items[1]).toMatchObject({
      actorId: null,
      subjectId: person.id,
      requestId: 'request-7',
      ip: '127.0.0.1',
      userAgent: 'curl/8',
      createdAt: expect.stringMatching(/Z$/),
    });
  });
});

describe('an account made by the operator', () => {
  it('is verified at once, and making it again changes nothing', async () => {
    const hooked: string[] = [];
    api.app.get(People).onVerified(async (id) => void hooked.push(id));
    const account = { email: 'Root@Example.com', password: PASSWORD, role: 'admin' as const };
    const first = await api.app.get(People).provision(account);
    const second = await api.app.get(People).provision(account);
    expect(second).toEqual(first);
    expect(first).toMatchObject({ email: 'root@example.com', role: 'admin', emailVerified: true });
    expect(hooked).toEqual([first.id]);
  });

  it('takes over an account of that address: its sessions and doubtful ways in end', async () => {
    const person = await api.signUp();
    await api.database.query(
      `INSERT INTO identities (user_id, provider, subject, email, is_authoritative)
       VALUES ($1, 'google', $2, $3, false)`,
      [person.id, randomUUID(), person.email],
    );
    const { email } = person;
    await api.app.get(People).provision({ email, password: 'tea for two at 8', role: 'admin' });
    expect((await api.call('GET /v1/me', { token: person.accessToken })).status).toBe(401);
    const left = await api.database.query('SELECT 1 FROM identities WHERE user_id = $1', [
      person.id,
    ]);
    expect(left).toEqual([]);
  });

  it('keeps what its owner changed where it is only made when it is missing', async () => {
    const account = {
      email: `${randomUUID()}@example.com`,
      password: PASSWORD,
      role: 'admin' as const,
    };
    const people = api.app.get(People);
    expect(await people.provisionOnce(account)).toBe(true);
    expect(await people.provisionOnce(account)).toBe(true);
    const { accessToken } = (await api.logIn(account.email)).body;
    const change = { currentPassword: PASSWORD, newPassword: 'of the owner’s own choice' };
    await api.call('POST /v1/me/password', { token: String(accessToken), body: change });
    expect(await people.provisionOnce(account)).toBe(false);
    expect(await people.authenticate(account.email, change.newPassword)).toMatchObject({
      role: 'admin',
    });
  });

  it('is known to HTTP Basic until it is suspended', async () => {
    const person = await api.provision('admin');
    const people = api.app.get(People);
    expect(await people.authenticate(person.email, PASSWORD)).toMatchObject({ role: 'admin' });
    await expect(people.authenticate(person.email, 'wrong')).rejects.toMatchObject({
      code: 'auth.invalid_credentials',
    });
    await asAdmin(`POST /v1/admin/users/${person.id}/suspend`, { reason: 'left' });
    await expect(people.authenticate(person.email, PASSWORD)).rejects.toMatchObject({
      code: 'auth.suspended',
    });
  });
});
