import { afterAll, describe, expect, it } from 'vitest';
import { startAccounts, type TestPerson } from '../../support/accounts.js';

const api = await startAccounts();
afterAll(() => api.app.close());

const refresh = async (refreshToken: string) =>
  api.call<TestPerson>('POST /v1/auth/refresh', { body: { refreshToken } });
const isLoggedIn = async (token: string) =>
  (await api.call('GET /v1/me', { token })).status === 200;
const lastEvent = async (subjectId: string) =>
  api.database.one<{ kind: string; ip: string }>(
    'SELECT kind, ip FROM audit_events WHERE subject_id = $1 ORDER BY created_at DESC LIMIT 1',
    [subjectId],
  );

describe('refresh tokens', () => {
  it('are replaced on each use', async () => {
    const person = await api.signUp();
    const next = await refresh(person.refreshToken);
    expect(next.status).toBe(200);
    expect(next.body.refreshToken).not.toBe(person.refreshToken);
    expect(await isLoggedIn(next.body.accessToken)).toBe(true);
  });

  it('end the whole session when the first of a chain of four comes back', async () => {
    const person = await api.signUp();
    let newest = person;
    for (let step = 0; step < 3; step++) newest = (await refresh(newest.refreshToken)).body;
    const replay = await refresh(person.refreshToken);
    expect(replay).toMatchObject({
      status: 401,
      body: { code: 'auth.refresh_token_invalid' },
    });
    expect((await refresh(newest.refreshToken)).status).toBe(401);
    expect(await isLoggedIn(newest.accessToken)).toBe(false);
    expect(await lastEvent(person.id)).toMatchObject({
      kind: 'auth.refresh-replayed',
      ip: '127.0.0.1',
    });
  });

  it('log nobody out when 20 tabs refresh at once', async () => {
    const { refreshToken } = await api.signUp();
    const tabs = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
    expect(tabs.map((tab) => tab.status)).toEqual(tabs.map(() => 200));
    expect(new Set(tabs.map((tab) => tab.body.refreshToken)).size).toBe(20);
    const later = await Promise.all(tabs.map((tab) => refresh(tab.body.refreshToken)));
    expect(later.map((tab) => tab.status)).toEqual(later.map(() => 200));
  });

  it('end the session when used again after the grace of 10 seconds', async () => {
    const person = await api.signUp();
    const next = await refresh(person.refreshToken);
    await api.database.query(
      `UPDATE refresh_tokens SET used_at = used_at - interval '10 seconds' WHERE used_at IS NOT NULL`,
    );
    expect((await refresh(person.refreshToken)).status).toBe(401);
    expect((await refresh(next.body.refreshToken)).status).toBe(401);
  });

  it.each([
    ['14 idle days', 'idle_expires_at'],
    ['90 days', 'expires_at'],
  ])('expire after %s', async (_what, column) => {
    const person = await api.signUp();
    await api.database.query(`UPDATE sessions SET ${column} = now() WHERE user_id = $1`, [
      person.id,
    ]);
    expect((await refresh(person.refreshToken)).status).toBe(401);
  });

  it.each(['', 'x', 'x'.repeat(300)])('are refused when made up, like %j', async (made) => {
    expect([400, 401]).toContain((await refresh(made)).status);
  });
});

describe('a session', () => {
  it('ends with logout, its access token too, and logout may be repeated', async () => {
    const person = await api.signUp();
    for (let time = 0; time < 2; time++) {
      const { refreshToken } = person;
      const out = await api.call('POST /v1/auth/logout', { body: { refreshToken } });
      expect(out.status).toBe(204);
    }
    expect(await isLoggedIn(person.accessToken)).toBe(false);
    expect((await refresh(person.refreshToken)).status).toBe(401);
  });

  it('is listed and ended by its owner only', async () => {
    const [ada, bob] = [await api.signUp(), await api.signUp()];
    const second = await api.logIn(ada.email);
    const list = await api.call<{ items: { id: string; isCurrent: boolean }[] }>(
      'GET /v1/me/sessions',
      { token: ada.accessToken },
    );
    expect(list.body.items).toHaveLength(2);
    const other = list.body.items.find((session) => !session.isCurrent);
    const end = (token: string, id = other?.id) =>
      api.call(`DELETE /v1/me/sessions/${id}`, { token });
    expect((await end(bob.accessToken)).status).toBe(404);
    expect((await end(ada.accessToken, 'no-id')).status).toBe(404);
    expect((await end(ada.accessToken)).status).toBe(204);
    expect(await isLoggedIn(second.body.accessToken)).toBe(false);
    expect(await isLoggedIn(ada.accessToken)).toBe(true);
  });

  it('ends with all others at once', async () => {
    const person = await api.signUp();
    const second = await api.logIn(person.email);
    const all = await api.call('DELETE /v1/me/sessions', { token: person.accessToken });
    expect(all.status).toBe(204);
    expect(await isLoggedIn(person.accessToken)).toBe(false);
    expect(await isLoggedIn(second.body.accessToken)).toBe(false);
  });
});
