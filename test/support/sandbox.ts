import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startNodeService } from '../../src/embedded/node-service.js';

export interface TestSandbox {
  url: string;
  pid: number;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Ends it as a crash of the machine would, and keeps its data for the next start. */
  kill(): Promise<void>;
}

export interface TestSandboxOptions {
  /** Adds the scripted faults. */
  control?: boolean;
  /** 0, the default, takes any port; a number lets a restarted sandbox be found again. */
  port?: number;
  /** Its data, which the caller then removes; a folder of its own by default. */
  dataDir?: string;
  /** More arguments, as the sandbox's `main.ts` lists them. */
  args?: readonly string[];
}

/** Starts a sandbox ComfyUI of the caller's own on 127.0.0.1 (from `dist`, so build first). */
export async function startSandbox(options: TestSandboxOptions = {}): Promise<TestSandbox> {
  const { control = false, port = 0, args = [] } = options;
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'hom-sandbox-')));
  const service = await startNodeService({
    program: 'sandbox/main.js',
    args: [
      `--port=${port}`,
      '--host=127.0.0.1',
      `--data-dir=${dataDir}`,
      '--parent-pipe',
      ...(control ? ['--control'] : []),
      ...args,
    ],
    logFile: path.join(dataDir, 'sandbox.log'),
  });
  return {
    url: service.ready['listening'] ?? '',
    pid: service.pid,
    stop: async () => {
      await service.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
    kill: async () => {
      process.kill(service.pid, 'SIGKILL');
      await service.exited;
    },
  };
}
