import { describe, expect, it } from 'vitest';
import { LaneLooks } from './lane-looks.js';

/** Looks that end when they are told to. */
const gated = () => {
  const ends: (() => void)[] = [];
  const looks = new LaneLooks(
    () => new Promise<void>((resolve) => ends.push(resolve)),
    (error: unknown) => {
      throw error;
    },
  );
  return { looks, ends };
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('LaneLooks', () => {
  it('makes one look of a crowd of nudges, and one more of those that come meanwhile', async () => {
    const { looks, ends } = gated();
    for (let n = 0; n < 5; n += 1) looks.nudge();
    await turn();
    expect(ends).toHaveLength(1);
    for (let n = 0; n < 5; n += 1) looks.nudge();
    await turn();
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await turn();
    expect(ends).toHaveLength(2);
    ends[1]?.();
    await looks.done;
    await turn();
    expect(ends).toHaveLength(2);
  });

  it('looks again after a look that failed', async () => {
    let count = 0;
    const failures: unknown[] = [];
    const looks = new LaneLooks(
      async () => {
        count += 1;
        if (count === 1) throw new Error('the database is away');
      },
      (error) => failures.push(error),
    );
    looks.nudge();
    await looks.done;
    looks.nudge();
    await looks.done;
    expect(count).toBe(2);
    expect(failures).toEqual([new Error('the database is away')]);
  });
});
