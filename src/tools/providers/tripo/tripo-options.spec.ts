import { describe, expect, it } from 'vitest';
import type { ModelOptions } from '../provider.js';
import { faceLimits, optionFaults, toTripo } from './tripo-options.js';

const V3 = 'v3.1-20260211';
const V2 = 'v2.5-20250123';
const P1 = 'P1-20260311';
const P2 = 'P2-20260801';

describe('the face limit', () => {
  it.each<[ModelOptions, number, number]>([
    [{ modelVersion: V3 }, 48, 1_500_000],
    [{ modelVersion: V3, geometryQuality: 'detailed' }, 48, 2_000_000],
    [{ modelVersion: V3, smartLowPoly: true }, 1_000, 20_000],
    [{ modelVersion: V3, smartLowPoly: true, quad: true }, 500, 10_000],
    [{ modelVersion: V2 }, 48, 500_000],
    [{ modelVersion: P1 }, 48, 20_000],
    [{ modelVersion: P2 }, 48, 50_000],
    [{ modelVersion: P2, quad: true }, 48, 25_000],
  ])('of %o is %d to %d', (options, min, max) => {
    expect(faceLimits(options)).toEqual({ min, max });
    for (const faceLimit of [min, max]) expect(optionFaults({ ...options, faceLimit })).toEqual([]);
    for (const faceLimit of [min - 1, max + 1]) {
      expect(optionFaults({ ...options, faceLimit }).map(({ path }) => path)).toEqual([
        'faceLimit',
      ]);
    }
  });
});

describe('options that do not go together', () => {
  it.each<[ModelOptions, string[]]>([
    [{ modelVersion: P1, quad: true, smartLowPoly: true }, ['quad', 'smartLowPoly']],
    [{ modelVersion: P1, quad: false, smartLowPoly: false }, []],
    [{ modelVersion: V2, geometryQuality: 'standard' }, ['geometryQuality']],
    [{ modelVersion: P1, geometryQuality: 'standard' }, ['geometryQuality']],
    [{ modelVersion: V3, texture: false, pbr: true }, ['pbr']],
    [{ modelVersion: V3, texture: false, textureQuality: 'detailed' }, ['textureQuality']],
    [{ modelVersion: V3, texture: false }, []],
  ])('%o', (options, paths) => {
    expect(optionFaults(options).map(({ path }) => path)).toEqual(paths);
  });
});

describe("the options in Tripo's words", () => {
  it('always name the version, and leave out what P1 refuses even as false', () => {
    expect(toTripo({ modelVersion: P1, quad: false, smartLowPoly: false })).toEqual({
      model: P1,
      texture: true,
      pbr: true,
    });
  });

  it('ask for no material without a texture', () => {
    expect(toTripo({ modelVersion: V3, texture: false })).toMatchObject({
      texture: false,
      pbr: false,
    });
  });
});
