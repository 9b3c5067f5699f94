import { setTimeout as delay } from 'node:timers/promises';
import { isWithin } from './child.js';

/** Something that ends, by itself or when told to. */
export interface Mortal {
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

export interface Kept<T extends Mortal> {
  /** The one that runs now, or ran last. */
  current(): T;
  /** Stops it for good; repeating is harmless. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
const LAST_START_MS = 1_500;
/** What ran this long had a good start: the pauses begin anew. */
const STEADY_MS = 30_000;

/**
 * Starts a service and, whenever it ends by itself, starts it again, after pauses that grow while it
 * keeps failing. `start` gets the last one, to bring the next up at the same address. Rejects when
 * the first start fails; later failures only reach `onCrash`, one sentence each.
 */
export async function keep<T extends Mortal>(
  start: (last?: T) => Promise<T>,
  onCrash: (detail: string) => void,
): Promise<Kept<T>> {
  let current = await start();
  const stopping = new AbortController();
  const { signal } = stopping;

  const startAgain = async (failures: number): Promise<void> => {
    for (let pauseMs = FIRST_PAUSE_MS * 2 ** failures; ; pauseMs *= 2) {
      await delay(Math.min(pauseMs, LONGEST_PAUSE_MS), undefined, { signal });
      try {
        current = await start(current);
        return;
      } catch (error) {
        onCrash(`did not start again: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };

  const watch = async (): Promise<void> => {
    for (let failures = 0; ; failures++) {
      const startedAt = performance.now();
      const end = await current.exited;
      if (signal.aborted) return;
      if (performance.now() - startedAt > STEADY_MS) failures = 0;
      onCrash(`ended unexpectedly: ${end}`);
      await startAgain(failures);
      if (signal.aborted) return current.stop();
    }
  };

  const watching = watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    current: () => current,
    stop: async () => {
      stopping.abort();
      await current.stop();
      // A start may be under way at this moment: what it starts is stopped too. One that takes
      // longer ends with this process, by its pipe.
      await isWithin(watching, LAST_START_MS);
    },
  };
}
