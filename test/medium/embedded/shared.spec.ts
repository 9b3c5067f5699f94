import { Client } from 'pg';
import { expect, inject, it } from 'vitest';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase();

it('gives a spec file an empty database of its own', async () => {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query('CREATE TABLE mine (id int)');
  const { rows } = await client.query(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  await client.end();
  expect(rows).toEqual([{ table_name: 'mine' }]);
});

it('shares the stand-ins with every spec file', async () => {
  const store = await fetch(`${inject('mailboxUrl')}/store`);
  expect(await store.json()).toMatchObject({ emails: expect.any(Array) });
  const queues = await fetch(`${inject('queueEndpoint')}/_fauxqs/queues`);
  const names = ((await queues.json()) as { name: string }[]).map((queue) => queue.name);
  // Spec files that run beside this one may have queues of their own.
  expect(names).toEqual(expect.arrayContaining(['mail', 'mail-dead-letters']));
});
