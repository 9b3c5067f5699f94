import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** What a program needs of ours to run at all; nothing that configures the product. */
const KEPT = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TERM'];

export const projectPath = (...names: string[]): string => path.join(ROOT, ...names);

/** Starts one of the project's scripts as a process with only this environment. */
export const startScript = (
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd = ROOT,
): ChildProcess =>
  spawn(process.execPath, [projectPath('scripts', script), ...args], {
    cwd,
    env: {
      ...Object.fromEntries(KEPT.map((name) => [name, process.env[name]])),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script to its end. */
export const runScript = async (
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd?: string,
): Promise<Ended> => {
  const child = startScript(script, args, environment, cwd);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
};

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A port has no number.');
  return address.port;
};
