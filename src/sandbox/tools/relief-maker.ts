/**
 * Makes models in a process of its own, one at a time, as on a single GPU; it ends when there is
 * nothing to do, so that an idle stand-in is small.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromRelief, ReliefOrder } from './relief-process.js';

/** Freed pictures go back to the system at once. */
const FRUGAL = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };
const IDLE_MS = 5_000;

export interface Relief {
  readonly model: Buffer;
  readonly preview: Buffer;
}

export class ReliefMaker {
  private child: ChildProcess | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private idleTimer: NodeJS.Timeout | undefined;

  /** Rejects for what is no picture. */
  make(order: ReliefOrder): Promise<Relief> {
    const made = this.last.then(() => this.run(order));
    this.last = made.catch(() => undefined);
    return made;
  }

  private async run(order: ReliefOrder): Promise<Relief> {
    clearTimeout(this.idleTimer);
    const child = (this.child ??= this.start());
    try {
      return await new Promise<Relief>((resolve, reject) => {
        child.once('exit', () => reject(new Error('the modelling process ended')));
        child.once('message', (message: FromRelief) => {
          if ('failed' in message) reject(new Error(message.failed));
          else
            resolve({ model: Buffer.from(message.model), preview: Buffer.from(message.preview) });
        });
        child.send(order);
      });
    } finally {
      child.removeAllListeners('message');
      this.idleTimer = setTimeout(() => this.child?.kill(), IDLE_MS).unref();
    }
  }

  private start(): ChildProcess {
    const program = fileURLToPath(new URL('./relief-process.js', import.meta.url));
    const child = fork(program, [], { serialization: 'advanced', env: FRUGAL });
    const forget = () => {
      if (this.child === child) this.child = undefined;
    };
    return child.on('error', forget).on('exit', forget);
  }
}
