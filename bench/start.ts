import path from 'node:path';
import { startBareNest } from './support/bare-nest.ts';
import { figure, median, type Figure } from './support/figure.ts';
import { startProduct, withFolder } from './support/product.ts';

const LATER_STARTS = 3;

/** From `npm start` to its `ready` line: with an empty data directory, and with a used one. */
export const start = async (): Promise<Figure[]> =>
  withFolder(async (folder) => {
    const bare: number[] = [];
    const later: number[] = [];
    const begin = async (): Promise<number> => {
      const product = await startProduct(path.join(folder, 'data'));
      await product.stop();
      return product.readyMs;
    };
    const first = await begin();
    for (let count = 0; count < LATER_STARTS; count++) {
      later.push(await begin());
      const nest = await startBareNest(folder);
      await nest.stop();
      bare.push(nest.readyMs);
    }
    const baseline = median(bare);
    return [
      figure('start.first', first, 'ms', { baseline, goal: '≤ 10,000 ms' }),
      figure('start.later', median(later), 'ms', { baseline, goal: '≤ 4,000 ms' }),
    ];
  });
