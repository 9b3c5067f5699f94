import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, inject } from 'vitest';

export interface TestDatabase {
  url: string;
}

/**
 * A database for the calling spec file alone, dropped after its last test, whoever is still
 * connected: `const database = await testDatabase();` at the top level of the file.
 * `empty` (the default) has no tables, `template` is at the product's latest schema.
 */
export async function testDatabase({
  from = 'empty',
}: { from?: 'empty' | 'template' } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(
    `CREATE DATABASE ${name} TEMPLATE ${from === 'template' ? 'template' : 'template0'}`,
  );
  afterAll(() => onServer(`DROP DATABASE ${name} WITH (FORCE)`));
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${name}`;
  return { url: url.href };
}

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
