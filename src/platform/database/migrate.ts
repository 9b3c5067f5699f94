import type { DataSource } from 'typeorm';

/** "HoM" in ASCII and a counter: every process that migrates takes this lock first. */
const MIGRATION_LOCK = 0x486f4d01;

/**
 * Brings the schema up to date. Safe to call from many processes at once (one migrates, the others
 * wait), and to repeat. Each migration runs in a transaction of its own. Returns the names applied.
 */
export const migrate = async (source: DataSource): Promise<string[]> => {
  const lock = source.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const applied = await source.runMigrations({ transaction: 'each' });
    return applied.map((migration) => migration.name);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await lock.release();
  }
};
