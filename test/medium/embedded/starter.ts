import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, type QueryResultRow } from 'pg';
import { onTestFinished } from 'vitest';
import type { EmbeddedOptions, EmbeddedSecrets } from '../../../src/embedded/index.js';

/** A line that the starter printed; which of the fields there are says what happened. */
export interface Line {
  environment?: Record<string, string>;
  pids?: Record<string, number>;
  secrets?: EmbeddedSecrets;
  crash?: string;
  refused?: string;
  message?: string;
}

export interface Starter {
  pid: number;
  /** The next line it prints. */
  line(): Promise<Line>;
  exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Runs `starter.mjs` in a session of its own, as a terminal would; it is killed after the test. */
export function startProcess(
  options: Partial<EmbeddedOptions> & { dataDir: string },
  as: { uid?: number; gid?: number; path?: string } = {},
): Starter {
  const program = fileURLToPath(new URL('starter.mjs', import.meta.url));
  const { path: searchPath, ...user } = as;
  const all = { services: ['postgres', 'sqs', 'ses', 'comfyui'], ...options };
  const child = spawn(process.execPath, [program, JSON.stringify(all)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
    ...user,
    env: { ...process.env, ...(searchPath && { PATH: `${searchPath}:${process.env['PATH']}` }) },
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  onTestFinished(() => kill('SIGKILL'));
  return {
    pid: child.pid!,
    line: async () => JSON.parse(String((await lines.next()).value ?? '{}')) as Line,
    exited,
    kill,
  };
}

/** Starts the services and waits for them. */
export async function startServices(
  ...args: Parameters<typeof startProcess>
): Promise<Starter & Required<Pick<Line, 'environment' | 'pids' | 'secrets'>>> {
  const starter = startProcess(...args);
  const line = await starter.line();
  const { environment, pids, secrets } = line;
  if (!environment || !pids || !secrets) throw new Error(JSON.stringify(line));
  return { ...starter, environment, pids, secrets };
}

/** A folder for one test; removed after it, and by then nothing may live there. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'hom-embedded-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** The processes whose command line mentions the folder, without the starters themselves. */
export function processesOf(folder: string): string[] {
  return pids().flatMap((pid) => {
    const command = commandOf(pid);
    const isOne = command.includes(folder) && !command.includes('starter.mjs');
    return isOne ? [`${pid} ${command}`] : [];
  });
}

const pids = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** The addresses, in hexadecimal as the kernel shows them, on which a process listens. */
export function listeningAddresses(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      } catch {
        return undefined;
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/net/${family}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode))
      .map(([, local = '']) => local.split(':')[0]!),
  );
}

export async function query<T extends QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}
