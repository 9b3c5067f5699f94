import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { TEST_KEYS } from './config.js';

/** A process of the product with a role of its own, to be killed and stopped. */
export class WorkerProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Starts `dist/main.js`; resolves when it prints that it is ready. */
  static async start(
    environment: Readonly<Record<string, string>>,
    roles = 'worker',
  ): Promise<WorkerProcess> {
    const child = spawn(process.execPath, [path.resolve('dist/main.js')], {
      env: {
        PATH: process.env['PATH'] ?? '',
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
        LOG_LEVEL: 'warn',
        PORT: '0',
        MIGRATE_ON_START: 'false',
        ...TEST_KEYS,
        ...environment,
        ROLES: roles,
      },
      stdio: ['ignore', 'pipe', process.env['SHOW_WORKERS'] ? 'inherit' : 'ignore'],
    });
    const worker = new WorkerProcess(child);
    // A test that broke off must not leave it behind.
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (data: Buffer) => {
        if (process.env['SHOW_WORKERS']) process.stdout.write(data);
        if (data.includes('ready')) resolve();
      });
      child.once('exit', (code) =>
        reject(new Error(`The worker ended with ${code} before it was ready.`)),
      );
    });
    return worker;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await exited;
  }

  /** The exit code of a graceful stop. */
  async stop(): Promise<number | null> {
    await this.signal('SIGTERM');
    return this.child.exitCode;
  }
}
