import { describe, expect, it } from 'vitest';
import { GrowingPause } from './growing-pause.js';

describe('GrowingPause', () => {
  it('doubles up to its longest and begins anew after a success', () => {
    const pause = new GrowingPause(250, 1_500);
    const pauses = () => [1, 2, 3, 4, 5].map(() => pause.nextMs(0));
    expect(pauses()).toEqual([250, 500, 1_000, 1_500, 1_500]);
    pause.reset();
    expect(pauses()).toEqual([250, 500, 1_000, 1_500, 1_500]);
  });

  it('is spread by a fifth and stays finite for ever', () => {
    const pause = new GrowingPause(250, 5_000);
    for (let failure = 0; failure < 2_000; failure += 1) pause.nextMs();
    expect(pause.nextMs(0)).toBe(5_000);
    expect(pause.nextMs(0.999)).toBeCloseTo(4_001, 0);
  });
});
