import { describe, expect, it } from 'vitest';
import { normaliseAddress } from './address.js';

describe('normaliseAddress', () => {
  it.each([
    [' Ada@Example.COM ', 'ada@example.com'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    ['no address', 'no address'],
    ['@example.com', '@example.com'],
    ['ada@', 'ada@'],
  ])('turns %j into %j', (given, expected) => {
    expect(normaliseAddress(given)).toBe(expected);
  });
});
