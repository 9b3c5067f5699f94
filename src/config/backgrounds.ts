import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { InvalidValue } from './variable.js';

/** A trained background: a LoRA file of the GPU machines and the words that call it up. */
export interface BackgroundSetting {
  readonly id: string;
  readonly title: string;
  readonly file: string;
  readonly words: string;
  readonly workflows: readonly string[];
}

type Given = Readonly<Record<string, Partial<BackgroundSetting> & { readonly file: string }>>;

const WITH_BACKGROUNDS = ['apparel-shoots', 'product-backgrounds'];

/** Those of the product; a setting of the same id replaces them. */
const OF_THE_PRODUCT: Given = {
  'cafes-and-bars': { title: 'Cafés and bars', file: 'CafesandBars.safetensors' },
  'product-backgrounds': {
    title: 'Product backgrounds',
    file: 'ProductBackgrounds.safetensors',
  },
};

const isGiven = new Ajv().compile<Given>({
  type: 'object',
  propertyNames: { pattern: '^[a-z0-9]+(-[a-z0-9]+)*$', maxLength: 60 },
  additionalProperties: {
    type: 'object',
    required: ['file'],
    additionalProperties: false,
    properties: {
      file: { type: 'string', minLength: 1 },
      title: { type: 'string', minLength: 1 },
      words: { type: 'string' },
      workflows: { type: 'array', items: { enum: WITH_BACKGROUNDS } },
    },
  },
});

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text.startsWith('{') ? text : readFileSync(text, 'utf8'));
  } catch {
    throw new InvalidValue('JSON, or the path of a file with JSON');
  }
};

/** `{"beach": {"file": "Beach.safetensors", "words": "bch style"}}`, or the path of a file with it. */
export const parseBackgrounds = (text: string): BackgroundSetting[] => {
  const given = readJson(text);
  if (!isGiven(given)) {
    const [fault] = isGiven.errors ?? [];
    throw new InvalidValue(
      `an object of backgrounds by id (${fault?.instancePath.slice(1) ?? ''} ${fault?.message ?? ''})`,
    );
  }
  return Object.entries({ ...OF_THE_PRODUCT, ...given }).map(
    ([id, { file, title = id, words = '', workflows = WITH_BACKGROUNDS }]) => ({
      id,
      title,
      file,
      words,
      workflows,
    }),
  );
};
