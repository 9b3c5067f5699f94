/** Readers of what a provider answers: absent or of another kind is undefined, never a crash. */
export const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;

export const textOf = (value: unknown, name: string): string | undefined => {
  const found = field(value, name);
  return typeof found === 'string' && found !== '' ? found : undefined;
};

export const numberOf = (value: unknown, name: string): number | undefined => {
  const found = field(value, name);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
};

/** Of an array its items, of a map its values, else none. */
export const itemsOf = (value: unknown): readonly unknown[] => {
  if (Array.isArray(value)) return value as readonly unknown[];
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
};
