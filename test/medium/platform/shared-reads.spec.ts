import { randomUUID } from 'node:crypto';
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  vi,
  type MockInstance,
} from 'vitest';
import { SharedReads, type Database } from '../../../src/platform/index.js';
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
let rounds: MockInstance<Database['sendTogether']>;
let queries: MockInstance<Database['prepared']>;
/** The ids of each query outside transactions, in the order of the queries. */
const asked = () =>
  rounds.mock.calls.flatMap(([statements]) =>
    statements.map(({ values }) => values[0] as readonly string[]),
  );

beforeAll(async () => {
  app = await ModuleApp.start({ databaseUrl, migrations: [], modules: [] });
  database = app.database;
  await database.query('CREATE TABLE shelves (id uuid PRIMARY KEY, books int NOT NULL)');
});

afterAll(() => app?.stop());

beforeEach(() => {
  vi.restoreAllMocks();
  rounds = vi.spyOn(database, 'sendTogether');
  queries = vi.spyOn(database, 'prepared');
  reads = new SharedReads<Shelf>(
    database,
    'shelves',
    (ids) => `SELECT id, books FROM shelves, pg_sleep(0.05) WHERE id = ${ids}`,
    ({ id }) => id,
  );
});

const shelf = async (books: number): Promise<string> => {
  const id = randomUUID();
  await database.query('INSERT INTO shelves VALUES ($1, $2)', [id, books]);
  return id;
};

/** Once the first query of `reads` is under way. */
const underWay = () => expect.poll(() => asked().length, { interval: 1 }).toBe(1);

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
    expect(asked().map(({ length }) => length)).toEqual([1, 21]);
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
    const quick = new SharedReads<Shelf>(
      database,
      'quick-shelves',
      (ids) => `SELECT id, books FROM shelves WHERE id = ${ids}`,
      (row) => row.id,
    );
    const [plans] = await database.transaction(async () => {
      for (let n = 0; n < 20; n += 1) expect(await quick.find(id)).toEqual({ id, books: 1 });
      return database.query(
        `SELECT custom_plans AS custom, generic_plans AS generic FROM pg_prepared_statements WHERE name = 'quick-shelves'`,
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
      queries.mockClear();
      expect(await reads.findAll([id, other, id])).toHaveLength(2);
      // The application's outbox asks for its own meanwhile.
      const own = queries.mock.calls.filter(([name]) => name === 'shelves');
      expect(own.map(([, , values]) => values)).toEqual([[[id, other]]]);
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

  it('sends what different readers ask for together, and one that fails spoils nothing', async () => {
    const id = await shelf(3);
    const others = new SharedReads<{ readonly id: string }>(
      database,
      'missing-shelves',
      (ids) => `SELECT id FROM no_such_table WHERE id = ${ids}`,
      (row) => row.id,
    );
    const results = await Promise.allSettled([others.find(id), reads.find(id)]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { code: '42P01' } },
      { status: 'fulfilled', value: { books: 3 } },
    ]);
    expect(rounds.mock.calls.map(([statements]) => statements.map(({ name }) => name))).toEqual([
      ['missing-shelves', 'shelves'],
    ]);
  });

  it('waits for a query that hangs a second, not for ever', async () => {
    const [slow, quick] = [await shelf(1), await shelf(2)];
    const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const lock = database.transaction(async () => {
      await database.query('SELECT pg_advisory_xact_lock(1)');
      held.resolve();
      await release.promise;
    });
    await held.promise;
    // Only the row of one book waits for the lock.
    const hanging = new SharedReads<{ readonly id: string }>(
      database,
      'hanging-shelves',
      (ids) =>
        `SELECT id FROM shelves WHERE id = ${ids}
           AND (books <> 1 OR pg_advisory_xact_lock_shared(1) IS NOT NULL)`,
      ({ id }) => id,
    );
    const first = hanging.find(slow);
    await underWay();
    expect(await hanging.find(quick)).toEqual({ id: quick });
    release.resolve();
    expect(await first).toEqual({ id: slow });
    await lock;
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
    expect(Math.max(...asked().map(({ length }) => length))).toBe(100);
  });
});
