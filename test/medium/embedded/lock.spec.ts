import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { lockDataDir } from '../../../src/embedded/index.js';
import { tryLock } from '../../../src/embedded/lock.js';
import { freshFolder } from './starter.js';

const LOCK = pathToFileURL(path.resolve('dist/embedded/lock.js')).href;

/** A process that takes the lock, keeps it for a while and is then gone without releasing it. */
async function holdElsewhere(file: string, forMs: number): Promise<void> {
  const program = `
    const { tryLock } = await import(${JSON.stringify(LOCK)});
    tryLock(${JSON.stringify(file)}, 0);
    console.log('held');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${forMs});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  await once(child.stdout, 'data');
}

it('waits for a holder that is about to end, and no longer than it was told', async () => {
  const file = path.join(await freshFolder(), 'lock');
  await holdElsewhere(file, 600);
  expect(tryLock(file, 0)).toBeUndefined();
  expect(tryLock(file, 100)).toBeUndefined();
  const lock = tryLock(file, 5_000);
  expect(lock).toBeDefined();
  await lock?.release();
});

it('takes the data directory over from a killed process, within its patience', async () => {
  const dataDir = await freshFolder();
  await holdElsewhere(path.join(dataDir, 'lock'), 300);
  const lock = await lockDataDir(dataDir);
  await expect(lockDataDir(dataDir)).rejects.toThrow(/in use by another running copy/);
  await lock.release();
  await (await lockDataDir(dataDir)).release();
});

it('names the data directory that cannot be used', async () => {
  const file = path.join(await freshFolder(), 'a file');
  await writeFile(file, '');
  await expect(lockDataDir(file)).rejects.toThrow(
    /^The data directory \S+\/a file cannot be used: /,
  );
});
