import { describe, expect, it } from 'vitest';
import { meansJobsOf } from './job-lease.js';

describe('meansJobsOf', () => {
  it('is true for the kind itself, and for the nudge after a reconnection, which names none', () => {
    expect(meansJobsOf('comfy', 'comfy')).toBe(true);
    expect(meansJobsOf('comfy', 'tool')).toBe(false);
    expect(meansJobsOf('tool', '')).toBe(true);
  });
});
