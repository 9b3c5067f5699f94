import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RequestOrigin } from '../../../src/auth/access/request-origin.js';
import { Database } from '../../../src/platform/index.js';
import { PASSWORD, startAccounts } from '../../support/accounts.js';

const api = await startAccounts();
afterAll(() => api.app.close());

/** Differ between any two answers; the ETag is a hash of the body with its requestId. */
const VOLATILE = new Set(['date', 'x-request-id', 'etag']);
const KINDS = ['unknown', 'verified', 'unverified', 'google-only', 'suspended'] as const;

const addresses: Record<string, string> = {};
beforeAll(async () => {
  addresses['unknown'] = `${randomUUID()}@example.com`;
  addresses['verified'] = (await api.signUp()).email;
  addresses['unverified'] = await api.register();
  addresses['google-only'] = (await api.signUp()).email;
  addresses['suspended'] = (await api.signUp()).email;
  await api.database.query('UPDATE users SET password_hash = NULL WHERE email = $1', [
    addresses['google-only'],
  ]);
  await api.database.query(
    `UPDATE users SET status = 'suspended', suspended_at = now() WHERE email = $1`,
    [addresses['suspended']],
  );
});

const answerFor = async (route: string, email: string) => {
  const password = route.includes('login') ? 'a wrong password' : PASSWORD;
  const isPasswordAsked = /login|register/.test(route);
  const { status, headers, body } = await api.call(route, {
    body: isPasswordAsked ? { email, password } : { email },
  });
  return {
    status,
    body: { ...body, requestId: undefined },
    headers: [...headers].filter(([name]) => !VOLATILE.has(name)),
  };
};

describe.each([
  'POST /v1/auth/login',
  'POST /v1/auth/forgot-password',
  'POST /v1/auth/resend-verification',
  'POST /v1/auth/register',
])('%s', (route) => {
  it('answers alike for every kind of address', async () => {
    const answers = await Promise.all(KINDS.map((kind) => answerFor(route, addresses[kind] ?? '')));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it('does the same work for every kind of address', async () => {
    const origin = api.app.get(RequestOrigin);
    const send = Database.prototype.query;
    const query = vi.spyOn(Database.prototype, 'query');
    let statements: string[] = [];
    // What the outbox does beside it, at a moment of its own choice, is not this request's work.
    query.mockImplementation(function (this: Database, sql, parameters) {
      if (origin.current.requestId !== null) statements.push(sql.replace(/\s+/g, ' '));
      return send.call(this, sql, parameters);
    });
    const work: string[][] = [];
    for (const kind of KINDS) {
      statements = [];
      const email = kind === 'unknown' ? `${randomUUID()}@example.com` : (addresses[kind] ?? '');
      await answerFor(route, email);
      work.push(
        statements.filter((sql) => /users|account_links|audit_events|INTO outbox/.test(sql)),
      );
    }
    query.mockRestore();
    const first = work[0]?.length ?? 0;
    expect(first).toBeGreaterThan(0);
    for (const each of work) expect(each).toEqual(work[0]);
  });
});
