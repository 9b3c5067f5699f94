import { expect, it } from 'vitest';
import { isTooOld } from './version.js';

it.each([
  ['0.3.56', true],
  ['0.2.99', true],
  ['0.3', true],
  ['0.3.57', false],
  ['0.3.100', false],
  ['0.4', false],
  ['1.0.0', false],
  ['unknown', false],
  ['0.3.10-nightly', false],
])('%s is too old: %s', (version, isOld) => {
  expect(isTooOld(version)).toBe(isOld);
});
