import { expect, it } from 'vitest';
import definitions from '../node-definitions.json' with { type: 'json' };
import { LIBRARY } from './library.js';

it('executes every class that /object_info lists, and lists every class it executes', () => {
  expect(Object.keys(LIBRARY).sort()).toEqual(Object.keys(definitions).sort());
});
