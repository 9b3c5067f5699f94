import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const root = path.resolve(import.meta.dirname, '..', '..');

export interface Running {
  readonly pid: number;
  /** From the spawn until the awaited line was printed. */
  readonly readyMs: number;
  /** Standard output so far. */
  output(): string;
  /** SIGTERM to the process itself, SIGKILL to its group after 12 s; returns when it has ended. */
  stop(): Promise<void>;
}

const STOP_PATIENCE_MS = 12_000;
const POLL_MS = 5;

/** Starts a program of the bench in a group of its own and waits until it prints a line like `ready`. */
export const run = async (
  command: string,
  args: readonly string[],
  options: { logFile: string; ready: RegExp; environment?: NodeJS.ProcessEnv; patienceMs?: number },
): Promise<Running> => {
  const { logFile, ready, environment = {}, patienceMs = 60_000 } = options;
  const log = openSync(logFile, 'w');
  const begun = performance.now();
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ['pipe', log, log],
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const output = (): string => readFileSync(logFile, 'utf8');
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    child.kill('SIGTERM');
    const isLate = await Promise.race([
      exited.then(() => false),
      pause(STOP_PATIENCE_MS, true, { ref: false }),
    ]);
    if (isLate) killGroup(child);
    await exited;
  };
  while (!ready.test(output())) {
    if (child.exitCode !== null || performance.now() - begun > patienceMs) {
      await stop();
      throw new Error(`${command} ${args.join(' ')} did not get ready:\n${output()}`);
    }
    await pause(POLL_MS);
  }
  return { pid: child.pid ?? 0, readyMs: performance.now() - begun, output, stop };
};

const killGroup = ({ pid = 0 }: ChildProcess): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The whole group has ended by itself.
  }
};
