import { describe, expect, it } from 'vitest';
import { parseBackgrounds } from '../../config/backgrounds.js';
import { builtInWorkflows } from './index.js';
import { checkParameters } from './parameters.js';

const workflows = builtInWorkflows({ backgrounds: parseBackgrounds('{}'), brushnet: false });
const byId = (id: string) => workflows.find((workflow) => workflow.id === id)!;
const apparel = byId('apparel-shoots');
const fixes = byId('magic-fixes');

const parametersOf = (...args: Parameters<typeof checkParameters>) => {
  const checked = checkParameters(...args);
  if (!checked.ok) throw new Error(JSON.stringify(checked.faults));
  return checked.parameters;
};

const faultsOf = (...args: Parameters<typeof checkParameters>) => {
  const checked = checkParameters(...args);
  return checked.ok ? [] : checked.faults.map(({ path }) => path);
};

describe('checkParameters', () => {
  it('fills in the defaults of the product', () => {
    expect(parametersOf(apparel, { prompt: 'a bar' }, 'json')).toMatchObject({
      seed: 537728872980780,
      background: 'cafes-and-bars',
      negativePrompt: expect.stringContaining('bad anatomy'),
      garments: expect.arrayContaining(['skirt', 'vest']),
    });
  });

  it('draws a random seed that the graph and JSON can carry', () => {
    const { seed } = parametersOf(apparel, { prompt: 'a bar', seed: 'random' }, 'json');
    expect(Number.isSafeInteger(seed)).toBe(true);
  });

  it('reads numbers and lists from the texts of a form', () => {
    const form = { prompt: 'a bar', seed: '123', garments: 'skirt, vest', person: '' };
    const parameters = parametersOf(apparel, form, 'form');
    expect(parameters).toMatchObject({ seed: 123, garments: ['skirt', 'vest'] });
    expect(parameters).not.toHaveProperty('person');
    expect(parametersOf(fixes, { strength: '0.6' }, 'form')).toMatchObject({ strength: 0.6 });
    expect(parametersOf(apparel, { prompt: 'x', seed: 'random' }, 'form')['seed']).toEqual(
      expect.any(Number),
    );
  });

  it('keeps the largest seed exact in both forms', () => {
    const seed = Number.MAX_SAFE_INTEGER;
    expect(parametersOf(apparel, { prompt: 'x', seed }, 'json')['seed']).toBe(seed);
    expect(parametersOf(apparel, { prompt: 'x', seed: String(seed) }, 'form')['seed']).toBe(seed);
  });

  it.each([
    ['prompt', {}],
    ['seed', { prompt: 'x', seed: -1 }],
    ['seed', { prompt: 'x', seed: 2 ** 53 }],
    ['seed', { prompt: 'x', seed: 1.5 }],
    ['garments.0', { prompt: 'x', garments: ['hat'] }],
    ['garments', { prompt: 'x', garments: [] }],
    ['background', { prompt: 'x', background: '../../secret' }],
    ['lora_name', { prompt: 'x', lora_name: 'other.safetensors' }],
    ['prompt', { prompt: ['x'] }],
    ['person', { prompt: 'x', person: 'x'.repeat(501) }],
  ])('names %s in %j', (path, given) => {
    expect(faultsOf(apparel, given, 'json')).toEqual([path]);
  });

  it('holds strength within its limits', () => {
    expect(faultsOf(fixes, { strength: 0 }, 'json')).toEqual(['strength']);
    expect(faultsOf(fixes, { strength: 1.01 }, 'json')).toEqual(['strength']);
    expect(faultsOf(fixes, { strength: 1 }, 'json')).toEqual([]);
  });

  it('does not change what it was given', () => {
    const given = { prompt: 'x' };
    checkParameters(apparel, given, 'json');
    expect(given).toEqual({ prompt: 'x' });
  });
});
