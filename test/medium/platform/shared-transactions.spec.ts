import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, SharedTransactions } from '../../../src/platform/index.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let database: Database;
let transactions: SharedTransactions;

beforeAll(async () => {
  app = await ModuleApp.start({ databaseUrl, migrations: [], modules: [] });
  database = app.database;
  await database.query(
    `CREATE TABLE notes (
       id int GENERATED ALWAYS AS IDENTITY, text text NOT NULL,
       -- Looked at by the commit, not before.
       UNIQUE (text) DEFERRABLE INITIALLY DEFERRED)`,
  );
});

afterAll(() => app?.stop());

beforeEach(async () => {
  transactions = new SharedTransactions(database);
  await database.query('TRUNCATE notes');
});

const note = async (text: string): Promise<string> => {
  await database.query('INSERT INTO notes (text) VALUES ($1)', [text]);
  return text;
};

/** What was committed, in order, with its transaction. */
const committed = () =>
  database.query<{ text: string; transaction: string }>(
    'SELECT text, xmin::text AS transaction FROM notes ORDER BY id',
  );

/** Runs these works while another of their owner is under way, and waits for all. */
const behindAnother = async (works: readonly (() => Promise<unknown>)[], owner = 'ada') => {
  const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = transactions.run(owner, async () => {
    begun.resolve();
    await released.promise;
    return note('first');
  });
  await begun.promise;
  const others = works.map((work) => transactions.run(owner, work));
  released.resolve();
  await first;
  return Promise.allSettled(others);
};

describe('SharedTransactions', () => {
  it('commits in one transaction, in order, what came while another was under way', async () => {
    const texts = ['a', 'b', 'c'];
    const results = await behindAnother(texts.map((text) => () => note(text)));
    expect(results).toEqual(texts.map((value) => ({ status: 'fulfilled', value })));
    const rows = await committed();
    expect(rows.map(({ text }) => text)).toEqual(['first', ...texts]);
    const [first, ...shared] = rows.map(({ transaction }) => transaction);
    expect(new Set(shared).size).toBe(1);
    expect(shared[0]).not.toBe(first);
  });

  it('fails whoever fails alone, and commits the others', async () => {
    let attempts = 0;
    const results = await behindAnother([
      () => note('a'),
      async () => {
        attempts += 1;
        await note('left by a failure');
        throw new Error('not enough credits');
      },
      () => database.query('SELECT 1 / 0'),
      () => note('d'),
    ]);
    expect(results).toMatchObject([
      { status: 'fulfilled', value: 'a' },
      { status: 'rejected', reason: { message: 'not enough credits' } },
      { status: 'rejected', reason: { code: '22012' } },
      { status: 'fulfilled', value: 'd' },
    ]);
    expect(attempts).toBe(2);
    expect((await committed()).map(({ text }) => text)).toEqual(['first', 'a', 'd']);
  });

  it('tries nothing again after a commit that failed', async () => {
    let attempts = 0;
    const twin = () => {
      attempts += 1;
      return note('the same');
    };
    const results = await behindAnother([twin, twin]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: '23505' } },
      { status: 'rejected', reason: { code: '23505' } },
    ]);
    expect(attempts).toBe(2);
    expect((await committed()).map(({ text }) => text)).toEqual(['first']);
    // The line goes on.
    expect(await transactions.run('ada', () => note('later'))).toBe('later');
  });

  it('never lets one owner wait for another', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = transactions.run('ada', () => promise.then(() => note('slow')));
    expect(await transactions.run('bob', () => note('quick'))).toBe('quick');
    resolve();
    await slow;
  });

  it('shares a transaction among twenty at most', async () => {
    const texts = Array.from({ length: 50 }, (_, n) => `text ${n}`);
    await behindAnother(texts.map((text) => () => note(text)));
    const [, ...rows] = await committed();
    expect(rows.map(({ text }) => text)).toEqual(texts);
    const sizes = Map.groupBy(rows, ({ transaction }) => transaction);
    expect([...sizes.values()].map(({ length }) => length)).toEqual([20, 20, 10]);
  });

  it('is no part of the transaction of who asks', async () => {
    await expect(
      database.transaction(async () => {
        await transactions.run('ada', () => note('kept'));
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect((await committed()).map(({ text }) => text)).toEqual(['kept']);
  });
});
