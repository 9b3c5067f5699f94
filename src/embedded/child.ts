import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A process that lives no longer than this one. Its stdin is a pipe from here; when that closes,
 * also because this process was killed, the child ends itself. It has a session of its own, so that
 * a Ctrl-C in the terminal reaches only this process, which then stops its children in order.
 */
export interface Child {
  readonly pid: number;
  /** How it ended, in words. Never rejects. */
  readonly exited: Promise<string>;
  /** The first line of its stdout, or undefined when it ended without one. */
  readonly firstLine: Promise<string | undefined>;
  /** What it has written to its log so far, the end of it. */
  logTail(): string;
  /** Closes the pipe, and kills the whole process group if it is still there after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface ChildProgram {
  command: string;
  args: readonly string[];
  /** stderr goes here. Begins anew past 1 MB. */
  logFile: string;
  /** Another user to run as (root only). */
  user?: { uid: number; gid: number } | undefined;
}

const LOG_LIMIT_BYTES = 1_000_000;
const TAIL_BYTES = 2_000;

/** The size of a file, 0 when there is none. */
const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

function howItEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) =>
      resolve(signal ? `killed by ${signal}` : `exit code ${code}`),
    );
  });
}

export function startChild({ command, args, logFile, user }: ChildProgram): Child {
  mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, sizeOf(logFile) > LOG_LIMIT_BYTES ? 'w' : 'a', 0o600);
  const logStart = sizeOf(logFile);
  const child = spawn(command, args, { detached: true, stdio: ['pipe', 'pipe', log], ...user });
  closeSync(log);
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('A child has no pipe to its parent.');
  const exited = howItEnded(child);
  // A broken pipe means that the child has ended, which `exited` reports.
  stdin.on('error', () => undefined);
  const lines = createInterface(stdout);
  const firstLine = new Promise<string | undefined>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined));
  });
  lines.on('line', () => undefined);
  return {
    pid: child.pid ?? 0,
    exited,
    firstLine,
    logTail: () => readFileSync(logFile).subarray(logStart).subarray(-TAIL_BYTES).toString().trim(),
    stop: async (graceMs) => {
      stdin.end();
      if (await isWithin(exited, graceMs)) return;
      if (child.pid !== undefined) signalGroup(child.pid);
      await exited;
    },
  };
}

function signalGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // It ended between the look and the signal.
  }
}

/** True as soon as the promise settles, false when it has not after `timeoutMs`. */
export async function isWithin(settled: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(timeoutMs, false, { signal: timer.signal }).catch(() => false);
  const isDone = await Promise.race([settled.then(() => true), late]);
  timer.abort();
  return isDone;
}

/**
 * For a program that does not watch its stdin: a shell starts it, waits for the end of our pipe and
 * then stops it. A shell costs one megabyte where a node process costs forty. Background jobs of
 * `sh` have /dev/null as stdin, hence the third descriptor, and ignore SIGINT until they install a
 * handler, hence the SIGTERM before it: it ends a program that has not begun, while PostgreSQL takes
 * it as the polite request that SIGINT (a fast shutdown) then overrides.
 */
const WATCHDOG = `
export LC_ALL=C TZ=UTC
exec 3<&0 </dev/null
"$@" 3<&- &
child=$!
{ while read -r _ <&3; do :; done; kill -TERM "$child"; kill -INT "$child"; } 2>/dev/null &
watcher=$!
exec 3<&-
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
exit "$status"
`;

export function startWatchedChild(program: ChildProgram): Child {
  const { command, args } = program;
  return startChild({
    ...program,
    command: 'sh',
    args: ['-c', WATCHDOG, path.basename(command), command, ...args],
  });
}
