import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { DataDirInUse, EmbeddedError } from './errors.js';

export interface Lock {
  release(): Promise<void>;
}

/** Keeps the locks that are held from the garbage collector, which would release them. */
const held = new Set<DatabaseSync>();

/**
 * Takes the exclusive lock of `file`, waiting up to `waitMs` (it blocks the thread) for a holder that
 * is about to end. Returns undefined when another holder, in this process or any other, keeps it.
 *
 * The lock is the operating system's own (fcntl, through an empty SQLite file): it dies with its
 * holder, also by `kill -9`, cannot be fooled by a recycled pid, and admits one of two simultaneous
 * starters. The file is never deleted, because deleting a lock file is what makes locks race.
 */
export function tryLock(file: string, waitMs: number): Lock | undefined {
  const holder = new DatabaseSync(file);
  try {
    // The patience comes first: the next statement looks at the file, too. Nothing is ever written,
    // so no journal file is wanted beside it.
    holder.exec(`PRAGMA busy_timeout = ${Math.round(waitMs)}`);
    holder.exec('PRAGMA journal_mode = MEMORY');
    holder.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    holder.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined;
    throw error;
  }
  held.add(holder);
  return {
    release: () => {
      if (held.delete(holder)) holder.close();
      return Promise.resolve();
    },
  };
}

/** How long a holder that was just told to end, or whose parent was killed, may take. */
const PATIENCE_MS = 1_500;
const RETRY_MS = 50;

/**
 * Exclusive lock on a data directory, which is made if missing. Throws DataDirInUse, with one
 * sentence, when another live process holds it, and EmbeddedError when the folder cannot be used.
 * What a killed process left behind is no obstacle.
 */
export async function lockDataDir(dataDir: string): Promise<Lock> {
  const folder = path.resolve(dataDir);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until) {
      const lock = tryLock(path.join(folder, 'lock'), 0);
      if (lock) return lock;
      await delay(RETRY_MS);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EmbeddedError(`The data directory ${folder} cannot be used: ${reason}.`);
  }
  throw new DataDirInUse(
    `The data directory ${folder} is in use by another running copy: stop that one, or set DATA_DIR to another folder.`,
  );
}
