import { setTimeout as pause } from 'node:timers/promises';
import { GrowingPause } from '../../platform/index.js';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Options of a consumer that make it wait after a receive that failed, 0.25 s growing to 5 s. The
 * library asks again at once when a connection is refused, which takes a whole core while SQS is away.
 */
export const receivePauses = () => {
  const pauses = new GrowingPause(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  let hasFailed = false;
  return {
    preReceiveMessageCallback: async (): Promise<void> => {
      if (hasFailed) await pause(pauses.nextMs(), undefined, { ref: false });
      hasFailed = true;
    },
    postReceiveMessageCallback: (): Promise<void> => {
      hasFailed = false;
      pauses.reset();
      return Promise.resolve();
    },
  };
};
