import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CREDITS_MIGRATIONS, CreditsModule, Ledger, Prices } from '../../../src/credits/index.js';
import { ModuleApp, refusal, type Caller } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let me: Caller;
let admin: Caller;

const json = async <T>(response: Promise<Response>): Promise<T> =>
  (await (await response).json()) as T;
const balance = (caller: Caller) => json(caller.fetch('/v1/credits'));
const entries = (query = '') =>
  json<{ items: Record<string, unknown>[] }>(me.fetch(`/v1/credits/entries?${query}`));
const grant = (body: object, headers: Record<string, string> = {}, id = me.id) =>
  admin.fetch(`/v1/admin/users/${id}/credits`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers,
  });

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: CREDITS_MIGRATIONS,
    modules: [CreditsModule.forRoles(['api'])],
    environment: { SIGNUP_CREDITS: '100', PRICES: 'turntables=12' },
  });
  app.get(Prices).declare('turntables', 10);
  app.get(Prices).declare('product-backgrounds', 5);
  admin = await app.person('admin');
});
afterAll(() => app?.stop());
beforeEach(async () => {
  me = await app.person();
});

describe('credits over HTTP', () => {
  it('grants once at sign-up, and nothing for the same address after erasure', async () => {
    expect(await balance(me)).toEqual({ available: 100, reserved: 0 });
    expect((await entries()).items).toMatchObject([
      { type: 'grant', availableDelta: 100, reservedDelta: 0, availableAfter: 100 },
    ]);
    await me.fetch('/v1/me', { method: 'DELETE' });
    const again = await app.person('user', me.email);
    expect(again.id).not.toBe(me.id);
    expect(await balance(again)).toEqual({ available: 0, reserved: 0 });
  });

  it('lists prices, the configured one before the default, and quotes', async () => {
    expect(await json(me.fetch('/v1/credits/prices'))).toEqual({
      items: [
        { workflow: 'product-backgrounds', credits: 5 },
        { workflow: 'turntables', credits: 12 },
      ],
    });
    const quote = (workflow: string) =>
      me.fetch('/v1/credits/quotes', {
        method: 'POST',
        body: JSON.stringify({ workflow, parameters: { prompt: 'a beach' } }),
      });
    expect(await json(quote('turntables'))).toEqual({ credits: 12, available: 100, enough: true });
    expect(await refusal(await quote('nothing'))).toBe('404 credits.unknown_workflow');
  });

  it('lets an admin grant and take back with a reason, once per Idempotency-Key', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    const body = { amount: 7, reason: 'Sorry for the outage' };
    const [first, again] = [await grant(body, key), await grant(body, key)];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(await again.json()).toEqual(await first.json());
    expect((await grant({ amount: -7, reason: 'Wrong person' })).status).toBe(201);
    expect((await entries('limit=2')).items).toMatchObject([
      { type: 'adjust', availableDelta: -7, availableAfter: 100, reason: 'Wrong person' },
      { type: 'grant', availableDelta: 7, availableAfter: 107, reason: 'Sorry for the outage' },
    ]);
    expect(await refusal(await grant({ amount: 8, reason: 'x' }, key))).toBe(
      '422 http.idempotency_key_reused',
    );
  });

  it.each([
    [{ amount: -101, reason: 'x' }, '402 credits.insufficient'],
    [{ amount: 0, reason: 'x' }, '400 http.validation_failed'],
    [{ amount: 1.5, reason: 'x' }, '400 http.validation_failed'],
    [{ amount: 5, reason: '  ' }, '400 http.validation_failed'],
    [{ amount: 5 }, '400 http.validation_failed'],
  ])('refuses the grant %j', async (body, code) => {
    expect(await refusal(await grant(body))).toBe(code);
    expect(await balance(me)).toEqual({ available: 100, reserved: 0 });
  });

  it('is for admins, and for persons that exist', async () => {
    const path = `/v1/admin/users/${me.id}/credits`;
    const body = JSON.stringify({ amount: 5, reason: 'mine' });
    expect((await me.fetch(path, { method: 'POST', body })).status).toBe(403);
    for (const id of [randomUUID(), 'nobody']) {
      expect(await refusal(await grant({ amount: 5, reason: 'x' }, {}, id))).toBe(
        '404 credits.unknown_person',
      );
    }
  });

  it('filters the statement by job, type and time, and shows nobody else', async () => {
    const [ledger, jobId] = [app.get(Ledger), randomUUID()];
    await ledger.reserve(me.id, [{ jobId, credits: 4 }]);
    await ledger.capture(jobId);
    expect((await entries(`jobId=${jobId}`)).items).toMatchObject([
      { type: 'capture', jobId, availableAfter: 96, reservedAfter: 0 },
      { type: 'reserve', jobId, availableAfter: 96, reservedAfter: 4 },
    ]);
    expect((await entries('type=grant')).items).toHaveLength(1);
    expect((await entries('from=2999-01-01T00:00:00Z')).items).toEqual([]);
    expect((await entries('to=2999-01-01T00:00:00Z')).items).toHaveLength(3);
    me = await app.person();
    expect((await entries(`jobId=${jobId}`)).items).toEqual([]);
  });
});
