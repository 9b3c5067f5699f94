import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lchown,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { postgresBinaries } from './binaries.js';
import { startWatchedChild, type ChildProgram } from './child.js';
import { EmbeddedError } from './errors.js';

/** The superuser and the database of the embedded cluster. */
export const DATABASE = 'houseofmodels';

const INITDB = [
  `--username=${DATABASE}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--wal-segsize=4',
  '--no-instructions',
];

/** PostgreSQL refuses to run as root. How its programs are run here instead. */
export interface Disguise {
  prefix: readonly string[];
  /** Set: another user, who must own the cluster. */
  user?: { uid: number; gid: number };
}

/** Debian's, Red Hat's and everyone else's `nobody`; initdb wants a user that has a name. */
const NOBODY = { uid: 65534, gid: 65534 };
/** In a user namespace of its own the process believes to be user 1, and files of root to be its own. */
const UNSHARE = ['unshare', '--user', '--map-user=1', '--map-group=1', '--'] as const;

export function disguise(): Disguise {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const [command, ...args] = UNSHARE;
  const isAllowed = spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0;
  return isAllowed ? { prefix: UNSHARE } : { prefix: [], user: NOBODY };
}

/** The program as it must be started under the disguise. */
export function disguised(
  { prefix, user }: Disguise,
  { command, args, logFile }: ChildProgram,
): ChildProgram {
  const [first = command, ...rest] = [...prefix, command, ...args];
  return { command: first, args: rest, logFile, user };
}

/** Gives the folder and all in it to the user whom the disguise needs, if it belongs to another. */
async function giveTo(folder: string, { user }: Disguise): Promise<void> {
  const { uid, gid } = user ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (process.getuid?.() !== 0 || (await stat(folder)).uid === uid) return;
  if (user) await chmod(path.dirname(folder), 0o711);
  for (const name of await readdir(folder, { recursive: true })) {
    await lchown(path.join(folder, name), uid, gid);
  }
  // The folder itself comes last: its owner says whether the rest is done.
  await chown(folder, uid, gid);
}

export interface Cluster {
  /** What PostgreSQL calls PGDATA. */
  data: string;
  password: string;
}

/**
 * The cluster in `folder`, made if missing. It appears there as one step, with its password: what a
 * crash interrupted is never taken for a cluster. No server may run on it: see stopEarlier.
 */
export async function openCluster(
  folder: string,
  logFile: string,
  how: Disguise,
): Promise<Cluster> {
  await removeDrafts(folder);
  const isThere = await stat(folder).catch(() => undefined);
  if (!isThere) await makeCluster(folder, logFile, how);
  await giveTo(folder, how);
  const password = await readFile(path.join(folder, 'password'), 'utf8');
  return { data: path.join(folder, 'data'), password };
}

const draftsOf = (folder: string): string => `${path.basename(folder)}.draft-`;

async function removeDrafts(folder: string): Promise<void> {
  const parent = path.dirname(folder);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  for (const name of await readdir(parent)) {
    if (!name.startsWith(draftsOf(folder))) continue;
    // An initdb whose parent was killed may still be writing there, for some tenths of a second.
    await rm(path.join(parent, name), { recursive: true, force: true, maxRetries: 10 });
  }
}

async function makeCluster(folder: string, logFile: string, how: Disguise): Promise<void> {
  const { initdb } = await postgresBinaries();
  const draft = path.join(
    path.dirname(folder),
    `${draftsOf(folder)}${randomBytes(6).toString('hex')}`,
  );
  const passwordFile = path.join(draft, 'password');
  await mkdir(draft, { mode: 0o700 });
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), {
    mode: 0o600,
    flush: true,
  });
  await giveTo(draft, how);
  const args = [...INITDB, `--pgdata=${path.join(draft, 'data')}`, `--pwfile=${passwordFile}`];
  const child = startWatchedChild(disguised(how, { command: initdb, args, logFile }));
  const end = await child.exited;
  if (end !== 'exit code 0') {
    const hint = how.user ? ' (It runs as nobody here, who must be able to reach DATA_DIR.)' : '';
    throw new EmbeddedError(`PostgreSQL's initdb failed (${end}): ${child.logTail()}${hint}`);
  }
  await rename(draft, folder);
}

/** The lines of the running server's lock file: pid, folder, start time, port, …, state. */
export async function postmasterLines(data: string): Promise<string[]> {
  const text = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  return text.split('\n').map((line) => line.trim());
}

/** Whether the process is a PostgreSQL server of this cluster; a recycled pid is not. */
async function serves(pid: number, data: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
    return folder !== undefined && folder === (await realpath(data));
  }
  const { stdout } = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.includes(data);
}

/** Ever harder ways to stop a server, and how long each is given: fast, immediate, at once. */
const STOPS: readonly [NodeJS.Signals, number][] = [
  ['SIGINT', 5_000],
  ['SIGQUIT', 2_000],
  ['SIGKILL', 2_000],
];

/** Stops the server that an earlier run left behind, if any, and takes its lock file away. */
export async function stopEarlier(folder: string): Promise<void> {
  const data = path.join(folder, 'data');
  const pid = Number((await postmasterLines(data))[0]);
  if (!(pid > 0)) return;
  for (const [signal, patienceMs] of STOPS) {
    if (!(await serves(pid, data))) break;
    try {
      process.kill(pid, signal);
    } catch {
      break;
    }
    const until = performance.now() + patienceMs;
    while (performance.now() < until && (await serves(pid, data))) await delay(20);
  }
  if (await serves(pid, data)) {
    throw new EmbeddedError(
      `The PostgreSQL server of an earlier run (pid ${pid}) cannot be stopped.`,
    );
  }
  await rm(path.join(data, 'postmaster.pid'), { force: true });
}
