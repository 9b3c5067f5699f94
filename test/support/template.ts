import pg from 'pg';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../../src/app.module.js';
import { dataSourceOptions, migrate, migrateQueue } from '../../src/platform/index.js';
import { testConfig } from './config.js';

/**
 * Brings the database from which `testDatabase({ from: 'template' })` clones to the product's latest
 * schema, the queue's own included. Leaves no connection open.
 */
export async function migrateTemplate(url: string): Promise<void> {
  const source = await new DataSource(
    dataSourceOptions(testConfig({ DATABASE_URL: url }), MIGRATIONS),
  ).initialize();
  const pool = new pg.Pool({ connectionString: url });
  try {
    await migrate(source);
    await migrateQueue(pool);
  } finally {
    await pool.end();
    await source.destroy();
  }
}
