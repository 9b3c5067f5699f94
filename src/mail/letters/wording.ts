import { oneLine } from '../sending/plain-words.js';

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** "23 November 2026, 21:04 UTC": the same for every reader, wherever they are. */
export const dateAndTime = (date: Date): string =>
  `${new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'UTC',
  })
    .format(date)
    .replace(' at ', ', ')} UTC`;

export const creditsInWords = (credits: number): string =>
  `${credits} ${credits === 1 ? 'credit' : 'credits'}`;

export const sizeInWords = (bytes: number): string =>
  bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;

/** `negativePrompt` → "Negative prompt". */
export const labelOf = (key: string): string => {
  const words = oneLine(key, 60)
    .replace(/[_-]+/g, ' ')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const VALUE_LENGTH = 500;

const valueOf = (value: unknown): string | undefined => {
  if (typeof value === 'string') return oneLine(value, VALUE_LENGTH) || undefined;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    const words = value.flatMap((item) => valueOf(item) ?? []);
    return words.length > 0 ? oneLine(words.join(', '), VALUE_LENGTH) : undefined;
  }
  return undefined;
};

/** The settings that a person chose, in words; ids of files say nothing to a reader. */
export const settingsOf = (parameters: Readonly<Record<string, unknown>>): Fact[] =>
  Object.entries(parameters)
    .filter(([key]) => !/ids?$/i.test(key))
    .flatMap(([key, raw]) => {
      const value = valueOf(raw);
      return value === undefined ? [] : [{ label: labelOf(key), value }];
    });
