import { randomUUID } from 'node:crypto';
import { register } from 'prom-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CREDITS_MIGRATIONS,
  CreditsAudit,
  CreditsModule,
  Ledger,
} from '../../../src/credits/index.js';
import { AuditWatch } from '../../../src/credits/audit-watch.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let audit: CreditsAudit;
let userId: string;

const kinds = async () => (await audit.findDrift()).map(({ kind, subject }) => [kind, subject]);
/** What the ledger itself can never do: written past it, in a transaction that is rolled back. */
const damaged = async (sql: string, parameters: unknown[]): Promise<unknown[]> => {
  let found: unknown[] = [];
  await app.database
    .transaction(async () => {
      await app.database.query(sql, parameters);
      found = await kinds();
      throw new Error('undo');
    })
    .catch((error: Error) => {
      if (error.message !== 'undo') throw error;
    });
  return found;
};
const entry = `INSERT INTO credit_entries (id, user_id, type, available_delta, reserved_delta,
  available_after, reserved_after, job_id, reason) VALUES (gen_random_uuid(), $1,`;

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: CREDITS_MIGRATIONS,
    modules: [CreditsModule.forRoles(['api', 'worker'])],
    environment: { SIGNUP_CREDITS: '10' },
  });
  audit = app.get(CreditsAudit);
});
afterAll(() => app?.stop());
beforeEach(async () => {
  userId = (await app.person()).id;
});

describe('the audit of the ledger', () => {
  it('finds nothing in what the ledger wrote', async () => {
    const jobId = randomUUID();
    await app.get(Ledger).reserve(userId, [{ jobId, credits: 3 }]);
    await app.get(Ledger).capture(jobId);
    expect(await kinds()).toEqual([]);
  });

  it('finds a balance that its entries do not explain', async () => {
    expect(
      await damaged('UPDATE credit_accounts SET available = 11 WHERE user_id = $1', [userId]),
    ).toEqual([['balance', userId]]);
  });

  it('finds a wrong running balance', async () => {
    expect(
      await damaged(
        `WITH a AS (UPDATE credit_accounts SET available = 15 WHERE user_id = $1)
         ${entry} 'grant', 5, 0, 99, 0, NULL, 'x')`,
        [userId],
      ),
    ).toEqual([['running-balance', userId]]);
  });

  it('finds an end that fits no reservation', async () => {
    const [jobId, held] = [randomUUID(), randomUUID()];
    await app.get(Ledger).reserve(userId, [{ jobId: held, credits: 3 }]);
    expect(
      await damaged(
        `WITH a AS (UPDATE credit_accounts SET reserved = 2 WHERE user_id = $1)
         ${entry} 'capture', 0, -1, 7, 2, $2, NULL)`,
        [userId, jobId],
      ),
    ).toEqual([['end-without-reserve', jobId]]);
    expect(
      await damaged(
        `WITH a AS (UPDATE credit_accounts SET reserved = 1 WHERE user_id = $1)
         ${entry} 'capture', 0, -2, 7, 1, $2, NULL)`,
        [userId, held],
      ),
    ).toEqual([['end-differs', held]]);
  });

  it('finds a reservation that outlives its job, and raises the metric', async () => {
    const [open, ended, lost] = [randomUUID(), randomUUID(), randomUUID()];
    for (const jobId of [open, ended, lost]) {
      await app.get(Ledger).reserve(userId, [{ jobId, credits: 1 }]);
    }
    audit.useJobs(async (ids) => ({
      open: new Set(ids.filter((id) => id !== ended && id !== lost)),
      known: new Set([open, ended]),
    }));
    expect(new Map((await kinds()).map(([kind, subject]) => [subject, kind]))).toEqual(
      new Map([
        [ended, 'reservation-outlives-job'],
        [lost, 'missing-job'],
      ]),
    );
    await app.get(AuditWatch).check();
    expect(await register.metrics()).toMatch(/^credits_drift 2$/m);
    for (const jobId of [ended, lost]) await app.get(Ledger).release(jobId);
    await app.get(AuditWatch).check();
    expect(await register.metrics()).toMatch(/^credits_drift 0$/m);
  });
});
