/**
 * Compiles `src` into `dist` when a source is newer than the last build, else does nothing.
 * `node scripts/build.mjs` exits with the compiler's status.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const stamp = path.join(root, 'dist', '.built');

const newestIn = (folder) =>
  Math.max(
    0,
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
      .map((entry) => statSync(path.join(entry.parentPath, entry.name)).mtimeMs),
  );

const isFresh = () => {
  try {
    const sources = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
    const newest = Math.max(
      newestIn(path.join(root, 'src')),
      ...sources.map((name) => statSync(path.join(root, name)).mtimeMs),
    );
    return statSync(stamp).mtimeMs > newest;
  } catch {
    return false;
  }
};

/** Builds if needed; returns the compiler's exit status (0 when nothing was to do). */
export const build = () => {
  if (isFresh()) return 0;
  const startedAt = new Date();
  console.error('Building (sources are newer than the last build) …');
  const compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) {
    writeFileSync(stamp, '');
    // The time of the start counts: a source saved while the compiler ran must be built again.
    utimesSync(stamp, startedAt, startedAt);
  } else rmSync(stamp, { force: true });
  return status ?? 1;
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exit(build());
