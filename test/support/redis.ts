import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../src/embedded/ports.js';

/** A Redis of the caller's own that keeps nothing on disk: when it ends, all in it is gone. */
export class TestRedis {
  private constructor(
    readonly port: number,
    private child: ChildProcess,
  ) {}

  /** Needs `redis-server` on the machine. */
  static async start(): Promise<TestRedis> {
    const port = await freePort();
    return new TestRedis(port, await launch(port));
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async kill(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** Empty, at the same address. */
  async startAgain(): Promise<void> {
    this.child = await launch(this.port);
  }

  async flush(): Promise<void> {
    const socket = connect(this.port, '127.0.0.1');
    socket.write('FLUSHALL\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    if (!answer.toString().startsWith('+OK')) throw new Error(`FLUSHALL: ${answer.toString()}`);
  }
}

const ARGUMENTS = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];

const launch = async (port: number): Promise<ChildProcess> => {
  const policy = ['--maxmemory-policy', 'noeviction'];
  const child = spawn('redis-server', ['--port', String(port), ...ARGUMENTS, ...policy], {
    stdio: 'ignore',
  });
  const failed = once(child, 'error').then(([error]) => {
    throw error as Error;
  });
  failed.catch(() => undefined);
  while (!(await Promise.race([isListening(port), failed]))) await pause(20);
  return child;
};

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
