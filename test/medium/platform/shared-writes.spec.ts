import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, SharedWrites } from '../../../src/platform/index.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let database: Database;
let calls: string[][];
let words: SharedWrites<string, number>;

beforeAll(async () => {
  app = await ModuleApp.start({ databaseUrl, migrations: [], modules: [] });
  database = app.database;
  await database.query('CREATE TABLE words (word text PRIMARY KEY)');
});

afterAll(() => app?.stop());

beforeEach(async () => {
  calls = [];
  words = new SharedWrites(database, async (items) => {
    calls.push([...items]);
    await database.query('INSERT INTO words SELECT unnest($1::text[])', [items]);
    return items.map(({ length }) => length);
  });
  await database.query('TRUNCATE words');
});

const written = async () =>
  (await database.query<{ word: string }>('SELECT word FROM words ORDER BY word')).map(
    ({ word }) => word,
  );

const writeAll = (items: readonly string[]) =>
  database.transaction(async () => {
    await Promise.all(items.map((item) => words.write(item)));
  });

describe('SharedWrites', () => {
  it('writes what is asked for at the same moment in one call, in order', async () => {
    await writeAll(['c', 'a', 'b']);
    expect(calls).toEqual([['c', 'a', 'b']]);
    expect(await written()).toEqual(['a', 'b', 'c']);
  });

  it('gives each the result of its own', async () => {
    const lengths = await database.transaction(() =>
      Promise.all(['three', 'a', 'to'].map((item) => words.write(item))),
    );
    expect(lengths).toEqual([5, 1, 2]);
  });

  it('makes a call of its own for what comes later, and for another transaction', async () => {
    await database.transaction(async () => {
      await words.write('a');
      await words.write('b');
    });
    await Promise.all([writeAll(['c', 'd']), writeAll(['e'])]);
    expect(calls.map((items) => items.join('')).toSorted()).toEqual(['a', 'b', 'cd', 'e']);
    expect(await written()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('rolls back with the transaction, and fails everybody of a call that fails', async () => {
    await writeAll(['a']);
    const results = await database
      .transaction(async () => {
        const all = await Promise.allSettled(['b', 'a'].map((item) => words.write(item)));
        expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        throw new Error('given up');
      })
      .catch((error: Error) => error.message);
    expect(results).toBe('given up');
    expect(await written()).toEqual(['a']);
  });

  it('refuses to write outside a transaction', async () => {
    await expect(words.write('a')).rejects.toThrow('need a transaction');
    expect(await written()).toEqual([]);
  });
});
