/** How one environment variable is read, documented and protected. */
export interface Variable<T> {
  readonly name: string;
  readonly group: string;
  /** One sentence for the table in the README. */
  readonly description: string;
  /** The text used when the variable is not set; undefined = not set is a value of its own. */
  readonly fallback: string | undefined;
  /** Never printed, in errors and logs. */
  readonly isSecret: boolean;
  /** With NODE_ENV=production, not set is a boot error. */
  readonly isRequiredInProduction: boolean;
  readonly parse: (text: string) => T;
}

/** A value that cannot be used; its message says what would be accepted and never repeats a secret. */
export class InvalidValue extends Error {}

const LIST_SEPARATOR = /\s*,\s*/;

/** Parsers: text of an environment variable → typed value. Each throws {@link InvalidValue}. */
export const parse = {
  text: (text: string): string => text,

  integer:
    (min: number, max: number) =>
    (text: string): number => {
      const value = Number(text);
      if (!/^-?\d+$/.test(text) || value < min || value > max) {
        throw new InvalidValue(`a whole number from ${min} to ${max}`);
      }
      return value;
    },

  number:
    (min: number, max: number) =>
    (text: string): number => {
      const value = Number(text);
      if (text === '' || !Number.isFinite(value) || value < min || value > max) {
        throw new InvalidValue(`a number from ${min} to ${max}`);
      }
      return value;
    },

  flag: (text: string): boolean => {
    if (/^(1|true|yes|on)$/i.test(text)) return true;
    if (/^(0|false|no|off)$/i.test(text)) return false;
    throw new InvalidValue('true or false');
  },

  oneOf:
    <T extends string>(...allowed: readonly T[]) =>
    (text: string): T => {
      const value = allowed.find((candidate) => candidate === text);
      if (value === undefined) throw new InvalidValue(`one of ${allowed.join(', ')}`);
      return value;
    },

  list: (text: string): string[] => text.split(LIST_SEPARATOR).filter((item) => item !== ''),

  listOf:
    <T extends string>(...allowed: readonly T[]) =>
    (text: string): T[] =>
      parse.list(text).map(parse.oneOf(...allowed)),

  url:
    (...protocols: readonly string[]) =>
    (text: string): string => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url === undefined || !protocols.includes(url.protocol.slice(0, -1))) {
        throw new InvalidValue(
          `an address that begins with ${protocols.map((p) => `${p}://`).join(' or ')}`,
        );
      }
      return text.replace(/\/+$/, '');
    },

  urls:
    (...protocols: readonly string[]) =>
    (text: string): string[] =>
      parse.list(text).map(parse.url(...protocols)),

  email: (text: string): string => {
    if (!/^[^\s@<>]+@[^\s@<>]+$/.test(text.replace(/^.*<([^<>]+)>$/, '$1'))) {
      throw new InvalidValue('an e-mail address, or a name with the address in angle brackets');
    }
    return text;
  },

  key: (text: string): string => {
    if (Buffer.byteLength(text) < 32) throw new InvalidValue('a secret of at least 32 bytes');
    return text;
  },

  /** `upload=/files,tasks=/tasks` → { upload: '/files', tasks: '/tasks' }, for some of the names. */
  paths:
    <Name extends string>(...names: readonly Name[]) =>
    (text: string): Partial<Record<Name, string>> =>
      Object.fromEntries(
        parse.list(text).map((item) => {
          const [, name = '', path] = /^(\w+)=(\/[\w./-]*)$/.exec(item) ?? [];
          if (path === undefined || !names.some((known) => known === name)) {
            throw new InvalidValue(`a list such as ${names[0]}=/path, of ${names.join(', ')}`);
          }
          return [name, path];
        }),
      ) as Partial<Record<Name, string>>,

  /** `name=3,other=10` → { name: 3, other: 10 } */
  amounts: (text: string): Record<string, number> =>
    Object.fromEntries(
      parse.list(text).map((item) => {
        const match = /^([\w.-]+)=(\d{1,6})$/.exec(item);
        if (!match?.[1] || !match[2]) throw new InvalidValue('a list such as name=3,other=10');
        return [match[1], Number(match[2])];
      }),
    ),
};
