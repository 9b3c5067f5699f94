import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { throwawayEnvironment, type Environment } from '../../config/index.js';
import { readRuntime } from '../../embedded/index.js';
import { CommandFailed } from '../command.js';
import type { DemoServer } from './servers.js';

const START_SCRIPT = fileURLToPath(new URL('../../../scripts/start.mjs', import.meta.url));
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 12_000;
const TAIL_LENGTH = 2_000;

/** A port that was free a moment ago: PUBLIC_URL must be known before the server listens. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A port has no number.');
  return address.port;
};

const stopProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  child.kill('SIGINT');
  await ended;
  clearTimeout(timer);
};

/** Resolves at the line that begins with `ready`. */
const untilReady = (child: ChildProcess, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    let tail = '';
    child.stderr?.on('data', (data: Buffer) => {
      tail = (tail + data.toString()).slice(-TAIL_LENGTH);
    });
    const fail = (reason: string) =>
      reject(new CommandFailed(`The demo's own server ${reason}. ${tail.trim()}`));
    const timer = setTimeout(
      () => fail(`was not ready within ${START_LIMIT_MS / 1_000} s`),
      START_LIMIT_MS,
    );
    child.once('exit', (code, by) => {
      clearTimeout(timer);
      fail(`ended (${by ?? `exit code ${code}`})`);
    });
    if (child.stdout) {
      createInterface(child.stdout).on('line', (line) => {
        if (!line.startsWith('ready')) return;
        clearTimeout(timer);
        resolve();
      });
    }
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

/**
 * Starts a server with a data directory of its own on free ports; `stop` ends it and removes the
 * directory. It ends by itself when this process is killed. Of the environment it gets only what
 * makes sense for a server that keeps nothing: a real COMFYUI_URLS is used, a DATABASE_URL is not.
 */
export const startOwnServer = async (
  environment: Environment,
  signal: AbortSignal,
): Promise<DemoServer> => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'house-of-models-demo-'));
  const port = await freePort();
  const child = spawn(process.execPath, [START_SCRIPT], {
    env: {
      ...throwawayEnvironment(environment),
      DATA_DIR: dataDir,
      PORT: String(port),
      MAILBOX_PORT: '0',
      LAUNCH_FOLLOWS_PARENT: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    await stopProcess(child);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await untilReady(child, signal);
    const mailboxUrl = (await readRuntime(dataDir))?.['mailboxUrl'];
    if (typeof mailboxUrl !== 'string') throw new CommandFailed('The own server has no mailbox.');
    return {
      apiUrl: `http://localhost:${port}`,
      mailboxUrl,
      origin: 'started for this demo',
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};
