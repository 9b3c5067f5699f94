import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { AuthUpkeep } from '../../../src/auth/auth-upkeep.js';
import { People } from '../../../src/auth/index.js';
import { Erasure } from '../../../src/auth/people/erasure.service.js';
import type { Timetable } from '../../../src/platform/index.js';
import { startAccounts } from '../../support/accounts.js';

const api = await startAccounts();
afterAll(() => api.app.close());

const calls: string[] = [];
let isBusy = true;
const people = api.app.get(People);
people.onErase(async () => {
  calls.push('remove');
  if (isBusy) throw new Error('a job still runs');
});
people.onErase(async () => void calls.push('stop'), 'stop');

describe('erasing a person', () => {
  it('stops, closes and empties at once, then removes until nobody objects', async () => {
    const person = await api.signUp();
    await api.call('PATCH /v1/me', { token: person.accessToken, body: { name: 'Ada Lovelace' } });
    const key = await api.call('POST /v1/me/api-keys', {
      token: person.accessToken,
      body: { name: 'server' },
    });
    const erased = await api.call('DELETE /v1/me', { token: person.accessToken });
    expect(erased.status).toBe(204);
    expect(calls[0]).toBe('stop');
    expect((await api.call('GET /v1/me', { token: person.accessToken })).status).toBe(401);
    expect((await api.call('GET /v1/me', { token: String(key.body['key']) })).status).toBe(401);
    expect((await api.logIn(person.email)).status).toBe(401);
    expect(await api.tablesWith(person.email)).toEqual([]);
    expect(await api.tablesWith('Ada Lovelace')).toEqual([]);
    const left = await api.database.query<{ ip: string | null }>(
      'SELECT ip FROM audit_events WHERE subject_id = $1',
      [person.id],
    );
    expect(left.length).toBeGreaterThan(0);
    expect(left.every((event) => event.ip === null)).toBe(true);

    while (calls.filter((call) => call === 'remove').length < 2) await sleep(50);
    isBusy = false;
    const pending = () =>
      api.database.query(`SELECT 1 FROM outbox WHERE topic = 'auth.erasure-requested'`);
    while ((await pending()).length > 0) await sleep(50);
    expect(calls.filter((call) => call === 'stop')).toHaveLength(1);
  });

  it('is waited for by what is written for the person at that moment, which then fails', async () => {
    const person = await api.signUp();
    const order: string[] = [];
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const erasing = api.database.transaction(async () => {
      await api.app.get(Erasure).erase(person.id);
      await gate;
      order.push('erased');
    });
    await sleep(200);
    const holding = api.database
      .transaction(() => people.hold(person.id))
      .catch((error: unknown) => {
        order.push('refused');
        return error;
      });
    await sleep(100);
    open();
    await erasing;
    expect(await holding).toMatchObject({ code: 'http.unauthorized' });
    expect(order).toEqual(['erased', 'refused']);
  });

  it('drops mails that are ordered and not yet on their way', async () => {
    const person = await api.signUp();
    await api.call('DELETE /v1/me', { token: person.accessToken });
    expect(await api.mails(person.email)).toEqual([]);
  });

  it('leaves told what an admin did to others', async () => {
    const [admin, person] = [await api.provision('admin'), await api.signUp()];
    await api.call(`POST /v1/admin/users/${person.id}/suspend`, {
      token: admin.accessToken,
      body: { reason: 'chargeback' },
    });
    await api.call('DELETE /v1/me', { token: admin.accessToken });
    const event = await api.database.one(
      `SELECT actor_id AS actor, ip, details FROM audit_events
       WHERE subject_id = $1 AND kind = 'auth.person-suspended'`,
      [person.id],
    );
    expect(event).toEqual({ actor: admin.id, ip: null, details: { reason: 'chargeback' } });
  });

  it('comes by itself to those who never proved an address in 30 days, and to nobody else', async () => {
    const email = await api.register();
    const young = await api.register();
    const proven = await api.signUp();
    await api.database.query(
      `UPDATE users SET updated_at = now() - interval '31 days' WHERE email = ANY($1)`,
      [[email, proven.email]],
    );
    const upkeep = new AuthUpkeep(api.database, api.app.get(Erasure), {
      every: () => undefined,
    } as unknown as Timetable);
    await upkeep.sweep();
    expect(await api.tablesWith(email)).toEqual([]);
    expect(await people.findByEmail(young)).toMatchObject({ status: 'active' });
    expect(await people.findByEmail(proven.email)).toMatchObject({ id: proven.id });
  });

  it('frees the address for a new account', async () => {
    const person = await api.signUp();
    await api.call('DELETE /v1/me', { token: person.accessToken });
    const again = await api.signUp(person.email);
    expect(again.id).not.toBe(person.id);
    expect(await people.get(person.id)).toMatchObject({ status: 'erased', email: '' });
  });

  it('is all or nothing when a module cannot stop', async () => {
    const person = await api.signUp();
    let isWilling = false;
    people.onErase(async () => {
      if (!isWilling) throw new Error('cannot stop now');
    }, 'stop');
    expect((await api.call('DELETE /v1/me', { token: person.accessToken })).status).toBe(500);
    expect((await api.call('GET /v1/me', { token: person.accessToken })).status).toBe(200);
    isWilling = true;
    expect((await api.call('DELETE /v1/me', { token: person.accessToken })).status).toBe(204);
  });
});
