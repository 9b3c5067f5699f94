/**
 * Composes try-ons in a process of its own that ends with each: OpenCV takes some 200 MB, which an
 * idle stand-in does not keep. One at a time, as on a single GPU.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromPainter } from './try-on-process.js';
import type { TryOnOrder, TryOnPictures } from './try-on.js';

/** Freed pictures go back to the system at once. */
const FRUGAL = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' };

export class TryOnPainter {
  private last: Promise<unknown> = Promise.resolve();

  /** Rejects where IDM-VTON would fail too: no picture, or no place for a garment. */
  paint(order: TryOnOrder): Promise<TryOnPictures> {
    const painted = this.last.then(() => this.run(order));
    this.last = painted.catch(() => undefined);
    return painted;
  }

  private run(order: TryOnOrder): Promise<TryOnPictures> {
    const program = fileURLToPath(new URL('./try-on-process.js', import.meta.url));
    const child = fork(program, [], { serialization: 'advanced', env: FRUGAL });
    return new Promise((resolve, reject) => {
      child.once('message', (message: FromPainter) => {
        if ('failed' in message) reject(new Error(message.failed));
        else resolve(message);
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error('the painting process ended')));
      child.send(order);
    });
  }
}
