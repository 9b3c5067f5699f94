/** What `start.mjs` and `cli.mjs` share: the right Node, a fresh build, then the program itself. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import * as modules from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Node 24 from npm, where a package of it exists for the machine. */
const packagedNode = path.join(root, 'node_modules', '.bin', 'node');
const FOLLOW = 'LAUNCH_FOLLOWS_PARENT';
const FOLLOW_EVERY_MS = 200;

/** 22.13 is the first that has SQLite without a flag. */
const isNewEnough = () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 13);
};

/**
 * The same as in the `start` script of package.json. Freed memory goes back to the system, and the
 * young generation stays small: the whole server then needs half as much (docs/decisions/0009).
 */
const FRUGAL_FLAGS = ['--max-semi-space-size=16', '--heap-growing-percent=30'];
const FRUGAL_ENVIRONMENT = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/** Runs the same command line under the packaged Node and ends as it ends. */
const runUnderPackagedNode = () => {
  const child = spawn(packagedNode, [...FRUGAL_FLAGS, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...FRUGAL_ENVIRONMENT, ...process.env, [FOLLOW]: '1' },
  });
  // A terminal sends its Ctrl-C to both of us; anyone else sends a signal to this process alone.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
};

/** The name of a process and its parent's id, from /proc: undefined without one. */
const processOf = (pid) => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    return { name, parent: Number(stat.slice(stat.lastIndexOf(')') + 1).split(' ')[2]) };
  } catch {
    return undefined;
  }
};

/** Between npm and this process there may be a shell, which does not end when npm is killed. */
const SHELLS = ['sh', 'dash', 'bash', 'ash', 'busybox', 'zsh'];
const parentBeyondShell = () => {
  const parent = processOf(process.ppid);
  return SHELLS.includes(parent?.name) ? parent.parent : undefined;
};

/**
 * npm, and the older Node above, stand between the person and this process: when one of them is
 * killed, this process must not run on alone and hold the data directory.
 */
const endWithParent = () => {
  if (!process.env[FOLLOW] && !process.env.npm_lifecycle_event) return;
  const [parent, beyond] = [process.ppid, parentBeyondShell()];
  setInterval(() => {
    if (process.ppid !== parent || parentBeyondShell() !== beyond) process.exit(1);
  }, FOLLOW_EVERY_MS).unref();
};

/** Builds if needed and runs `dist/<program>` in this process, with its arguments and exit code. */
export const launch = async (program) => {
  if (!isNewEnough()) {
    if (existsSync(packagedNode)) return runUnderPackagedNode();
    console.error(
      `House of Models needs Node 22.13 or newer, and this is ${process.version}: install a newer Node, or run npm ci on Linux x64, which brings one.`,
    );
    process.exit(1);
  }
  endWithParent();
  const { build } = await import('./build.mjs');
  const status = build();
  if (status !== 0) process.exit(status);
  modules.enableCompileCache(path.join(root, 'dist', '.compile-cache'));
  await import(pathToFileURL(path.join(root, 'dist', program)).href);
};
