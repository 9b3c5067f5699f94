import type { Metadata } from 'sharp';
import { describe, expect, it } from 'vitest';
import { isTurnedApart, maxPixelsOf } from './decode-memory.js';

const MEGA = 1_000_000;
const of = (given: Partial<Metadata>): Metadata =>
  ({ format: 'jpeg', channels: 3, depth: 'uchar', hasAlpha: false, ...given }) as Metadata;

describe('maxPixelsOf', () => {
  it.each([
    ['a JPEG', of({}), 50],
    ['a progressive JPEG', of({ isProgressive: true }), 50],
    ['a progressive JPEG in CMYK', of({ isProgressive: true, channels: 4 }), 47],
    ['a PNG', of({ format: 'png', channels: 4, depth: 'ushort' }), 50],
    [
      'an interlaced PNG of 16 bits with alpha',
      of({ format: 'png', channels: 4, depth: 'ushort', isProgressive: true }),
      47,
    ],
    ['a WebP', of({ format: 'webp', channels: 4 }), 50],
    ['an AVIF', of({ format: 'heif', compression: 'av1' }), 21],
    ['an AVIF with alpha', of({ format: 'heif', compression: 'av1', hasAlpha: true }), 15],
    ['an AVIF of 12 bits', of({ format: 'heif', compression: 'av1', depth: 'ushort' }), 15],
    ['a HEIC', of({ format: 'heif', compression: 'hevc' }), 25],
    ['a TIFF', of({ format: 'tiff' }), 50],
    ['a TIFF of floats', of({ format: 'tiff', channels: 4, depth: 'float' }), 23],
  ])('%s: at most the limit or what fits into the memory', (_name, metadata, megapixels) => {
    expect(Math.min(50, Math.floor(maxPixelsOf(metadata) / MEGA))).toBe(megapixels);
  });
});

describe('isTurnedApart', () => {
  it.each([
    [of({ orientation: 6 }), false],
    [of({ isProgressive: true, orientation: 1 }), false],
    [of({ isProgressive: true, orientation: 6 }), true],
    [of({ format: 'png', channels: 4, depth: 'ushort', orientation: 3 }), true],
  ])('%j at 50 megapixels: %s', (metadata, isApart) => {
    expect(isTurnedApart(metadata, 50 * MEGA)).toBe(isApart);
    expect(isTurnedApart(metadata, 12 * MEGA)).toBe(false);
  });
});
