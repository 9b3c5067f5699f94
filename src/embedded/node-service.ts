import { fileURLToPath } from 'node:url';
import { startChild } from './child.js';
import { EmbeddedError } from './errors.js';
import type { Mortal } from './kept.js';

/** The compiled program, whether this file runs from `dist` or, in a test, from `src`. */
const compiled = (program: string): string =>
  fileURLToPath(new URL(`../../dist/${program}`, import.meta.url));

export interface NodeService extends Mortal {
  pid: number;
  /** What it printed when it was ready. */
  ready: Record<string, string>;
}

export interface NodeProgram {
  /** Its path under `dist`. */
  program: string;
  nodeFlags?: readonly string[];
  args: readonly string[];
  logFile: string;
}

const START_TIMEOUT_MS = 20_000;
const STOP_GRACE_MS = 2_000;

/**
 * Starts one of our own programs as a child and waits for the line of JSON that says it is ready.
 * Throws EmbeddedError, with the program's own words, when it ends or reports an error instead.
 */
export async function startNodeService(options: NodeProgram): Promise<NodeService> {
  const { program, nodeFlags = [], args, logFile } = options;
  const child = startChild({
    command: process.execPath,
    args: [...nodeFlags, compiled(program), ...args],
    logFile,
  });
  const stop = (): Promise<void> => child.stop(STOP_GRACE_MS);
  const timer = setTimeout(() => void child.stop(0), START_TIMEOUT_MS);
  const line = await child.firstLine;
  clearTimeout(timer);
  const ready = line === undefined ? undefined : parse(line);
  if (ready && !('error' in ready)) return { pid: child.pid, exited: child.exited, ready, stop };
  await stop();
  const reason = `${program} did not start: ${child.logTail() || (await child.exited)}`;
  throw new EmbeddedError(ready?.['error'] ?? reason);
}

/** The strings of a JSON object; undefined for any other line. */
function parse(line: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === 'string'));
  } catch {
    return undefined;
  }
}
