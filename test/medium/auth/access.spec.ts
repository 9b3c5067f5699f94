import { createHmac, randomUUID } from 'node:crypto';
import { Controller, Get, Module, Res } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import type { Response } from 'express';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { CurrentPerson, People, StreamAccess, type Person } from '../../../src/auth/index.js';
import { Config } from '../../../src/config/index.js';
import { Access } from '../../../src/platform/index.js';
import { startAccounts } from '../../support/accounts.js';

@Controller('probe')
class ProbeController {
  // The rule is missing on purpose: the guard has to notice.
  // oxlint-disable-next-line house/route-declares-access
  @Get('undeclared')
  undeclared() {
    return {};
  }

  @Access('user')
  @Get('open')
  open(@Res() response: Response) {
    response.flushHeaders();
  }

  @Access('stream')
  @Get('stream')
  stream(@CurrentPerson() person: Person) {
    return { id: person.id };
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

const api = await startAccounts({}, [ProbeModule]);
afterAll(() => api.app.close());
const ada = await api.signUp();
const admin = await api.provision('admin');

const status = async (token: string, route = 'GET /v1/me') =>
  (await api.call(route, { token })).status;
const [header = '', payload = '', signature = ''] = ada.accessToken.split('.');
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
const key = api.app.get(Config).auth.jwtKey;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (head: object, body: object, secret = key, hash = 'sha256') => {
  const text = `${encode(head)}.${encode(body)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
};
const HEAD = { alg: 'HS256', typ: 'at+jwt' };

describe('an access token', () => {
  it('opens the API when it is made as ours are', async () => {
    expect(await status(sign(HEAD, claims))).toBe(200);
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(900);
  });

  it.each<[string, string]>([
    ['alg none', `${encode({ ...HEAD, alg: 'none' })}.${payload}.`],
    ['alg none, signed', `${encode({ ...HEAD, alg: 'none' })}.${payload}.${signature}`],
    ['alg NONE', `${encode({ ...HEAD, alg: 'NONE' })}.${payload}.`],
    ['HS384', sign({ ...HEAD, alg: 'HS384' }, claims, key, 'sha384')],
    ['HS512', sign({ ...HEAD, alg: 'HS512' }, claims, key, 'sha512')],
    ['RS256 named over an HMAC', sign({ ...HEAD, alg: 'RS256' }, claims)],
    ['another key', sign(HEAD, claims, 'x'.repeat(32))],
    ['an empty key', sign(HEAD, claims, '')],
    ['the key of links', sign(HEAD, claims, api.app.get(Config).links.key)],
    ['a plain JWT type', sign({ ...HEAD, typ: 'JWT' }, claims)],
    ['no type', sign({ alg: 'HS256' }, claims)],
    ['another type', sign({ ...HEAD, typ: 'refresh' }, claims)],
    ['another issuer', sign(HEAD, { ...claims, iss: 'https://evil.example' })],
    ['no issuer', sign(HEAD, { ...claims, iss: undefined })],
    ['another audience', sign(HEAD, { ...claims, aud: 'somebody-else' })],
    ['no audience', sign(HEAD, { ...claims, aud: undefined })],
    ['expired', sign(HEAD, { ...claims, exp: Math.floor(Date.now() / 1_000) - 1 })],
    ['no expiry', sign(HEAD, { ...claims, exp: undefined })],
    ['not valid yet', sign(HEAD, { ...claims, nbf: Math.floor(Date.now() / 1_000) + 60 })],
    ['no subject', sign(HEAD, { ...claims, sub: undefined })],
    ['the subject of another person', sign(HEAD, { ...claims, sub: admin.id })],
    ['a subject that is no id', sign(HEAD, { ...claims, sub: "' OR 1=1 --" })],
    ['no session', sign(HEAD, { ...claims, sid: undefined })],
    ['an unknown session', sign(HEAD, { ...claims, sid: randomUUID() })],
    ['a list as session', sign(HEAD, { ...claims, sid: [claims['sid']] })],
    ['another payload', `${header}.${encode({ ...claims, sub: admin.id })}.${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['two parts', `${header}.${payload}`],
    ['a refresh token', ada.refreshToken],
    ['nothing', ''],
    ['an API key of nobody', `hom_${'a'.repeat(43)}`],
  ])('is refused: %s', async (_what, token) => {
    const answer = await api.call('GET /v1/me', { token });
    expect(answer.body).toMatchObject({ status: 401, code: 'http.unauthorized' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('is refused under another scheme, and from the address line', async () => {
    const basic = { authorization: `Basic ${ada.accessToken}` };
    expect((await api.call('GET /v1/me', { headers: basic })).status).toBe(401);
    expect((await api.call(`GET /v1/me?token=${ada.accessToken}`)).status).toBe(401);
  });

  it('expires after 15 minutes', async () => {
    const token = api.app
      .get(JwtService)
      .sign({ sid: claims['sid'] }, { subject: ada.id, expiresIn: -1 });
    expect(await status(token)).toBe(401);
  });
});

describe('a route', () => {
  it('without a declared rule is closed to everybody', async () => {
    expect(await status('', 'GET /probe/undeclared')).toBe(401);
    expect(await status(ada.accessToken, 'GET /probe/undeclared')).toBe(403);
    expect(await status(admin.accessToken, 'GET /probe/undeclared')).toBe(403);
  });

  it('for streams takes a bearer token, or what the registered check finds', async () => {
    expect((await api.call('GET /probe/stream')).status).toBe(401);
    expect(await status(ada.accessToken, 'GET /probe/stream')).toBe(200);
    api.app.get(StreamAccess).register(async (request) => {
      return request.query['token'] === 'good' ? api.app.get(People).get(ada.id) : undefined;
    });
    expect((await api.call('GET /probe/stream?token=bad')).status).toBe(401);
    expect((await api.call('GET /probe/stream?token=good')).body).toEqual({ id: ada.id });
    expect((await api.call('GET /probe/stream?token=good', { token: 'x' })).status).toBe(401);
  });

  it('for streams refuses a suspended person', async () => {
    await api.database.query(
      `UPDATE users SET status = 'suspended', suspended_at = now() WHERE id = $1`,
      [ada.id],
    );
    expect((await api.call('GET /probe/stream?token=good')).status).toBe(401);
    expect(await status(ada.accessToken)).toBe(401);
    await api.database.query(
      `UPDATE users SET status = 'active', suspended_at = NULL WHERE id = $1`,
      [ada.id],
    );
  });
});

describe('an answer that stays open', () => {
  const keyOf = async (token: string) => {
    const { body } = await api.call('POST /v1/me/api-keys', { token, body: { name: 'server' } });
    return String(body['key']);
  };
  const ofPerson = (change: string) => (id: string) => api.database.query(change, [id]);

  it.each<[string, boolean, (personId: string) => Promise<unknown>]>([
    [
      'the person is suspended',
      false,
      ofPerson(`UPDATE users SET status = 'suspended', suspended_at = now() WHERE id = $1`),
    ],
    [
      'the person is suspended and came with an API key',
      true,
      ofPerson(`UPDATE users SET status = 'suspended', suspended_at = now() WHERE id = $1`),
    ],
    [
      'the session ends',
      false,
      ofPerson(`UPDATE sessions SET ended_at = now(), end_reason = 'ended' WHERE user_id = $1`),
    ],
    [
      'the API key is revoked',
      true,
      ofPerson('UPDATE api_keys SET revoked_at = now() WHERE user_id = $1'),
    ],
  ])('is cut when %s', async (_when, isByKey, change) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const person = await api.signUp();
    const token = isByKey ? await keyOf(person.accessToken) : person.accessToken;
    const answer = await fetch(`${api.url}/probe/open`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const ended = answer.text().then(
      () => 'ended',
      () => 'cut',
    );
    const later = () => vi.advanceTimersByTimeAsync(20_000);
    await later();
    const soon = new Promise((resolve) => setTimeout(resolve, 100, 'open'));
    expect(await Promise.race([ended, soon])).toBe('open');
    await change(person.id);
    await later();
    expect(await ended).toBe('cut');
    vi.useRealTimers();
  });
});

describe('an API key', () => {
  const create = (token: string, headers: Record<string, string> = {}) =>
    api.call<{ id: string; key: string; hint: string }>('POST /v1/me/api-keys', {
      token,
      headers,
      body: { name: 'shop server' },
    });

  it('is shown once, accepted where an access token is, and revoked at once', async () => {
    const person = await api.signUp();
    const { body } = await create(person.accessToken);
    expect(await status(body.key)).toBe(200);
    const list = await api.call('GET /v1/me/api-keys', { token: body.key });
    expect(list.body['items']).toEqual([
      {
        id: body.id,
        name: 'shop server',
        hint: body.key.slice(0, 10),
        createdAt: expect.any(String),
        lastUsedAt: expect.any(String),
      },
    ]);
    expect(await status(person.accessToken, `DELETE /v1/me/api-keys/${body.id}`)).toBe(204);
    expect(await status(body.key)).toBe(401);
    expect(await status(person.accessToken, `DELETE /v1/me/api-keys/${body.id}`)).toBe(404);
  });

  it('belongs to its owner: others cannot revoke it', async () => {
    const { body } = await create((await api.signUp()).accessToken);
    const other = await api.signUp();
    expect(await status(other.accessToken, `DELETE /v1/me/api-keys/${body.id}`)).toBe(404);
    expect(await status(body.key)).toBe(200);
  });

  it('is made once per Idempotency-Key, and not shown again', async () => {
    const { accessToken } = await api.signUp();
    const first = await create(accessToken, { 'idempotency-key': 'k-1' });
    const again = await create(accessToken, { 'idempotency-key': 'k-1' });
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(again.body.key).toBeUndefined();
  });

  it('gives no more rights than its owner has', async () => {
    const [byUser, byAdmin] = [await create(ada.accessToken), await create(admin.accessToken)];
    expect(await status(byUser.body.key, 'GET /v1/admin/users')).toBe(403);
    expect(await status(byAdmin.body.key, 'GET /v1/admin/users')).toBe(200);
  });

  it('is limited to 50 a person', async () => {
    const { accessToken } = await api.signUp();
    for (let made = 0; made < 50; made++) await create(accessToken);
    expect((await create(accessToken)).body).toMatchObject({
      status: 409,
      code: 'auth.api_key_limit',
    });
  });
});
