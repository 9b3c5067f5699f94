import { parseArgs } from 'node:util';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { MIGRATIONS } from '../app.module.js';
import { processEnvironment, type Config } from '../config/index.js';
import { dataSourceOptions, migrate as runMigrations, migrateQueue } from '../platform/index.js';
import type { Command } from './command.js';
import { databaseConfig, findInstallation } from './environment.js';

/** Brings the product's schema and, unless Redis is used, the queue's up to date. Returns what was applied. */
export const migrateDatabase = async (config: Config): Promise<string[]> => {
  const source = await new DataSource(dataSourceOptions(config, MIGRATIONS)).initialize();
  try {
    const applied = await runMigrations(source);
    if (!config.queue.redisUrl) {
      const pool = new pg.Pool({ connectionString: config.database.url, max: 1 });
      try {
        await migrateQueue(pool);
      } finally {
        await pool.end();
      }
    }
    return applied;
  } finally {
    await source.destroy();
  }
};

export const migrate: Command = {
  summary:
    'Brings the database at DATABASE_URL, or of the copy that runs here, up to date. Safe to repeat\n' +
    'and to run on several machines at once: one migrates, the others wait.',
  usage: '',

  async run(args) {
    parseArgs({ args });
    const url = processEnvironment()['DATABASE_URL'];
    // A migration job in production need not hold the secrets of the servers.
    const config = url ? databaseConfig(url) : (await findInstallation()).config;
    const applied = await migrateDatabase(config);
    for (const name of applied) console.log(`applied ${name}`);
    if (applied.length === 0) console.log('The database is up to date.');
    return 0;
  },
};
