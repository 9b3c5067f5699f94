import { setTimeout as pause } from 'node:timers/promises';
import { MigrationExecutor, QueryFailedError, type DataSource } from 'typeorm';

/** "HoM" in ASCII and a counter: every process that migrates takes this lock first. */
const MIGRATION_LOCK = 0x486f4d01;
/** Whoever queues behind a migration that waits for a table waits as long: an older version still runs. */
const TABLE_LOCK_SECONDS = 2;
const ATTEMPTS = 30;
const PAUSE_MS = 1_000;
const LOCK_NOT_AVAILABLE = '55P03';

const isLockTimeout = (error: unknown): boolean =>
  error instanceof QueryFailedError &&
  (error.driverError as { code?: string }).code === LOCK_NOT_AVAILABLE;

/**
 * Brings the schema up to date. Safe to call from many processes at once (one migrates, the others
 * wait), to repeat, and while older versions run: a migration that cannot have a table within 2 s
 * lets all others through and tries again, up to 30 times. Each migration runs in a transaction of
 * its own. Returns the names applied.
 */
export const migrate = async (source: DataSource): Promise<string[]> => {
  const runner = source.createQueryRunner();
  const executor = new MigrationExecutor(source, runner);
  executor.transaction = 'each';
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runner.query(`SET lock_timeout = '${TABLE_LOCK_SECONDS}s'`);
    const before = await namesOf(executor);
    await applyPending(executor);
    return (await namesOf(executor)).filter((name) => !before.includes(name));
  } finally {
    await runner.query('RESET lock_timeout').catch(() => undefined);
    await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await runner.release();
  }
};

const namesOf = async (executor: MigrationExecutor): Promise<string[]> =>
  (await executor.getExecutedMigrations()).map(({ name }) => name);

const applyPending = async (executor: MigrationExecutor): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await executor.executePendingMigrations();
      return;
    } catch (error) {
      if (!isLockTimeout(error) || attempt >= ATTEMPTS) throw error;
      await pause(PAUSE_MS);
    }
  }
};
