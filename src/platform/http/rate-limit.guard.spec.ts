import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import { network } from './rate-limit.guard.js';

describe('network', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['2001:db8:1:2:3::', '2001:db8:1:2'],
  ])('counts %s as %s', (ip, expected) => {
    expect(network({ ip } as Request)).toBe(expected);
  });
});
