import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SHARED_IDS, SharedReads, type Database } from '../../../src/platform/index.js';
import { ModuleApp } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

interface Shelf {
  readonly id: string;
  readonly books: number;
}

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let database: Database;
let reads: SharedReads<Shelf>;
/** The ids of each query, in the order of the queries. */
let asked: (readonly string[])[];

beforeAll(async () => {
  app = await ModuleApp.start({ databaseUrl, migrations: [], modules: [] });
  database = app.database;
  await database.query('CREATE TABLE shelves (id uuid PRIMARY KEY, books int NOT NULL)');
});

afterAll(() => app?.stop());

beforeEach(() => {
  asked = [];
  reads = new SharedReads<Shelf>(
    database,
    (ids) => {
      asked.push(ids);
      return database.query<Shelf>(
        'SELECT id, books FROM shelves, pg_sleep(0.05) WHERE id = ANY($1::uuid[])',
        [ids],
      );
    },
    ({ id }) => id,
  );
});

const shelf = async (books: number): Promise<string> => {
  const id = randomUUID();
  await database.query('INSERT INTO shelves VALUES ($1, $2)', [id, books]);
  return id;
};

/** Once the first query of `reads` is under way. */
const underWay = () => expect.poll(() => asked.length, { interval: 1 }).toBe(1);

describe('SharedReads', () => {
  it('gives each of a crowd its own row for two queries', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, (_, books) => shelf(books)));
    const first = reads.find(ids[0] ?? '');
    await underWay();
    const found = await Promise.all([...ids, ...ids, randomUUID()].map((id) => reads.find(id)));
    expect((await first)?.books).toBe(0);
    expect(found.map((row) => row?.books)).toEqual([
      ...ids.map((_, books) => books),
      ...ids.map((_, books) => books),
      undefined,
    ]);
    expect(asked.map(({ length }) => length)).toEqual([1, 21]);
  });

  it('answers with what is there after the question, even while an older query is under way', async () => {
    const id = await shelf(1);
    const before = reads.find(id);
    await underWay();
    await database.query('UPDATE shelves SET books = 2 WHERE id = $1', [id]);
    expect((await reads.find(id))?.books).toBe(2);
    expect((await before)?.books).toBe(1);
  });

  it('is planned anew for the first executions of a connection alone', async () => {
    const id = await shelf(1);
    const [plans] = await database.transaction(async () => {
      for (let n = 0; n < 20; n += 1) {
        const text = `SELECT id, books FROM shelves WHERE id = ${SHARED_IDS}`;
        expect(await database.prepared('shelves', text, [[id]])).toEqual([{ id, books: 1 }]);
      }
      return database.query(
        `SELECT custom_plans AS custom, generic_plans AS generic FROM pg_prepared_statements WHERE name = 'shelves'`,
      );
    });
    expect(plans).toEqual({ custom: 5, generic: 15 });
  });

  it('sees what its transaction sees, and shows it to nobody else', async () => {
    const [id, other] = [await shelf(1), await shelf(1)];
    await database.transaction(async () => {
      await database.query('UPDATE shelves SET books = 2 WHERE id = $1', [id]);
      const outside = database.apart(() => reads.find(id));
      expect((await reads.find(id))?.books).toBe(2);
      expect((await outside)?.books).toBe(1);
      // A transaction asks once too, however many rows it wants.
      asked = [];
      expect(await reads.findAll([id, other, id])).toHaveLength(2);
      expect(asked).toEqual([[id, other]]);
    });
    expect((await reads.find(id))?.books).toBe(2);
  });

  it('fails for those who share a query that fails, and goes on', async () => {
    const id = await shelf(1);
    await database.query('ALTER TABLE shelves RENAME TO hidden');
    const results = await Promise.allSettled([reads.find(id), reads.find(randomUUID())]);
    await database.query('ALTER TABLE hidden RENAME TO shelves');
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await reads.find(id))?.books).toBe(1);
  });

  it('waits for a query that hangs a second, not for ever', async () => {
    const [slow, quick] = [await shelf(1), await shelf(2)];
    let release = (): void => undefined;
    const hangs = new Promise<void>((resolve) => (release = resolve));
    const hanging = new SharedReads<{ readonly id: string }>(
      database,
      async (ids) => {
        asked.push(ids);
        if (ids.includes(slow)) await hangs;
        return ids.map((id) => ({ id }));
      },
      ({ id }) => id,
    );
    const first = hanging.find(slow);
    await underWay();
    expect(await hanging.find(quick)).toEqual({ id: quick });
    release();
    expect(await first).toEqual({ id: slow });
  });

  it('knows an id in capitals, and no row by what is no id', async () => {
    const id = await shelf(1);
    const found = await Promise.all(
      [id.toUpperCase(), 'no uuid', ''].map((text) => reads.find(text)),
    );
    expect(found.map((row) => row?.books)).toEqual([1, undefined, undefined]);
  });

  it('reads more than a hundred in several queries', async () => {
    const id = await shelf(1);
    const found = await Promise.all(
      Array.from({ length: 250 }, (_, n) => reads.find(n === 249 ? id : randomUUID())),
    );
    expect(found[249]?.books).toBe(1);
    expect(Math.max(...asked.map(({ length }) => length))).toBe(100);
  });
});
