import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { People } from '../../../src/auth/index.js';
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
    // The mails are another module's to erase; here nobody takes them.
    await api.database.query(`DELETE FROM outbox WHERE topic = 'account.mail-requested'`);
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
