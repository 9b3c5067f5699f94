import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CREDITS_MIGRATIONS,
  CreditsModule,
  Ledger,
  Statement,
} from '../../../src/credits/index.js';
import type { Database } from '../../../src/platform/index.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let ledger: Ledger;
let statement: Statement;
let database: Database;
let userId: string;

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

const totals = async () =>
  database.one<{ available: number; reserved: number; sumAvailable: number; sumReserved: number }>(
    `SELECT a.available, a.reserved, sum(e.available_delta)::int "sumAvailable", sum(e.reserved_delta)::int "sumReserved"
     FROM credit_accounts a LEFT JOIN credit_entries e USING (user_id) WHERE user_id = $1 GROUP BY a.user_id`,
    [userId],
  );

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: CREDITS_MIGRATIONS,
    modules: [CreditsModule.forRoles(['api'])],
    environment: { DATABASE_POOL_SIZE: '20', SIGNUP_CREDITS: '0' },
  });
  ledger = app.get(Ledger);
  statement = app.get(Statement);
  database = app.database;
});

afterAll(() => app?.stop());

beforeEach(async () => {
  userId = randomUUID();
  await database.query('INSERT INTO users (id, email) VALUES ($1, $2)', [
    userId,
    `${userId}@example.com`,
  ]);
});

describe('Ledger', () => {
  it('accepts exactly as many of 400 parallel reservations as the balance pays for', async () => {
    await ledger.grant({ userId, amount: 200, reason: 'test' });
    const answers = await Promise.all(
      Array.from({ length: 400 }, () =>
        codeOf(ledger.reserve(userId, [{ jobId: randomUUID(), credits: 1 }])),
      ),
    );
    expect(answers.filter((code) => code === 'done')).toHaveLength(200);
    expect(answers.filter((code) => code === 'credits.insufficient')).toHaveLength(200);
    expect(await totals()).toEqual({
      available: 0,
      reserved: 200,
      sumAvailable: 0,
      sumReserved: 200,
    });
  });

  it('lets one side win when capture races release', async () => {
    await ledger.grant({ userId, amount: 500, reason: 'test' });
    const wins = { capture: 0, release: 0 };
    for (let round = 0; round < 500; round += 1) {
      const jobId = randomUUID();
      await ledger.reserve(userId, [{ jobId, credits: 1 }]);
      const race =
        round % 2 === 0
          ? [ledger.capture(jobId), ledger.release(jobId)]
          : [ledger.release(jobId), ledger.capture(jobId)];
      const codes = await Promise.all(race.map(codeOf));
      const [capture, release] = round % 2 === 0 ? codes : codes.toReversed();
      if (capture === 'done') {
        wins.capture += 1;
        expect(release).toBe('credits.already_captured');
      } else {
        wins.release += 1;
        expect([capture, release]).toEqual(['credits.already_released', 'done']);
      }
    }
    expect(wins.capture + wins.release).toBe(500);
    expect(wins.capture).toBeGreaterThan(0);
    expect(wins.release).toBeGreaterThan(0);
    expect(await totals()).toMatchObject({ available: 500 - wins.capture, reserved: 0 });
  });

  it('rolls the reservation back with the transaction around it', async () => {
    await ledger.grant({ userId, amount: 10, reason: 'test' });
    await expect(
      database.transaction(async () => {
        await ledger.reserve(userId, [{ jobId: randomUUID(), credits: 3 }]);
        throw new Error('the submit failed');
      }),
    ).rejects.toThrow('the submit failed');
    expect(await ledger.balanceOf(userId)).toEqual({ available: 10, reserved: 0 });
  });

  it('says what is needed and what is available', async () => {
    await ledger.grant({ userId, amount: 2, reason: 'test' });
    await expect(
      ledger.reserve(userId, [{ jobId: randomUUID(), credits: 5 }]),
    ).rejects.toMatchObject({ status: 402, extensions: { needed: 5, available: 2 } });
  });

  it('repeats nothing when a step is run twice', async () => {
    const jobId = randomUUID();
    await ledger.grant({ userId, amount: 10, reason: 'welcome', key: `once-${userId}` });
    expect(
      await ledger.grant({ userId, amount: 10, reason: 'welcome', key: `once-${userId}` }),
    ).toBeUndefined();
    for (const _ of [1, 2]) await ledger.reserve(userId, [{ jobId, credits: 4 }]);
    for (const _ of [1, 2]) await ledger.capture(jobId);
    expect(await ledger.balanceOf(userId)).toEqual({ available: 6, reserved: 0 });
    expect(await codeOf(ledger.reserve(userId, [{ jobId, credits: 5 }]))).toBe(
      'credits.already_reserved',
    );
    expect(await codeOf(ledger.release(randomUUID()))).toBe('credits.no_reservation');
  });

  it('reserves for several jobs as one after the other, or for none of them', async () => {
    await ledger.grant({ userId, amount: 10, reason: 'test' });
    const jobs = [2, 0, 3].map((credits) => ({ jobId: randomUUID(), credits }));
    await ledger.reserve(userId, jobs);
    const entries = await database.query<{ jobId: string; available: number; reserved: number }>(
      `SELECT job_id AS "jobId", available_after AS available, reserved_after AS reserved
       FROM credit_entries WHERE user_id = $1 AND type = 'reserve' ORDER BY sequence`,
      [userId],
    );
    expect(entries.map(({ available, reserved }) => [available, reserved])).toEqual([
      [8, 2],
      [8, 2],
      [5, 5],
    ]);
    expect(entries.map(({ jobId }) => jobId)).toEqual(jobs.map(({ jobId }) => jobId));
    // Each of the two could be paid for.
    const dear = [3, 3].map((credits) => ({ jobId: randomUUID(), credits }));
    expect(await codeOf(ledger.reserve(userId, dear))).toBe('credits.insufficient');
    const [known, fresh] = [jobs[0]!, { jobId: randomUUID(), credits: 1 }];
    await ledger.reserve(userId, [known, fresh]);
    await ledger.capture(fresh.jobId);
    expect(await ledger.balanceOf(userId)).toEqual({ available: 4, reserved: 5 });
  });

  it('gives one of 20 parallel grants with one key', async () => {
    const key = `once-${userId}`;
    const entries = await Promise.all(
      Array.from({ length: 20 }, () => ledger.grant({ userId, amount: 7, reason: 'welcome', key })),
    );
    expect(entries.filter(Boolean)).toHaveLength(1);
    expect(await ledger.balanceOf(userId)).toEqual({ available: 7, reserved: 0 });
  });

  it('never takes below zero', async () => {
    await ledger.grant({ userId, amount: 5, reason: 'test' });
    expect(await codeOf(ledger.grant({ userId, amount: -6, reason: 'mistake' }))).toBe(
      'credits.insufficient',
    );
    await ledger.grant({ userId, amount: -5, reason: 'mistake' });
    expect(await ledger.balanceOf(userId)).toEqual({ available: 0, reserved: 0 });
  });

  it.each([
    "UPDATE credit_entries SET reason = 'x'",
    'DELETE FROM credit_entries',
    'TRUNCATE credit_entries',
    'TRUNCATE credit_accounts CASCADE',
    "SET LOCAL session_replication_role = 'replica'; DELETE FROM credit_entries",
  ])('refuses %s, from the owner too', async (sql) => {
    await ledger.grant({ userId, amount: 5, reason: 'test' });
    await expect(database.transaction(() => database.query(sql))).rejects.toThrow(/append-only/);
  });

  it('shows running balances, newest first, in pages', async () => {
    const jobId = randomUUID();
    await ledger.grant({ userId, amount: 9, reason: 'welcome' });
    await ledger.reserve(userId, [{ jobId, credits: 4 }]);
    await ledger.release(jobId);
    const first = await statement.list(userId, { limit: 2 });
    const second = await statement.list(userId, { limit: 2, cursor: first.nextCursor });
    expect(
      [...first.items, ...second.items].map((entry) => [
        entry.type,
        entry.availableAfter,
        entry.reservedAfter,
      ]),
    ).toEqual([
      ['release', 9, 0],
      ['reserve', 5, 4],
      ['grant', 9, 0],
    ]);
    expect(second.nextCursor).toBeUndefined();
    expect((await statement.list(userId, { limit: 9, jobId })).items).toHaveLength(2);
  });
});
