/** The few habits of Python that reach the wire: conversions, their error texts, and `repr`. */

/** An exception as the contract names it: `exception_type` and `exception_message`. */
export class PythonError extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

export const exceptionType = (error: unknown): string =>
  error instanceof PythonError ? error.type : 'Exception';

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const repr = (value: unknown): string => {
  if (typeof value === 'string') return `'${value}'`;
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return isRecord(value) ? JSON.stringify(value) : String(value as number);
};

const typeName = (value: unknown): string => {
  if (value === null) return 'NoneType';
  return Array.isArray(value) ? 'list' : 'dict';
};

/** `int(value)`: numbers are truncated, digit strings read, all else raises. */
export const toInt = (value: unknown): number => {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value === 'string') {
    if (/^\s*[+-]?\d+\s*$/.test(value)) return Number(value);
    throw new PythonError('ValueError', `invalid literal for int() with base 10: ${repr(value)}`);
  }
  const expected = "a string, a bytes-like object or a real number, not '";
  throw new PythonError('TypeError', `int() argument must be ${expected}${typeName(value)}'`);
};

/** `float(value)`. */
export const toFloat = (value: unknown): number => {
  if (typeof value === 'boolean' || typeof value === 'number') return Number(value);
  if (typeof value === 'string') {
    const number = Number(value);
    if (value.trim() !== '' && !Number.isNaN(number)) return number;
    throw new PythonError('ValueError', `could not convert string to float: ${repr(value)}`);
  }
  const expected = "a string or a real number, not '";
  throw new PythonError('TypeError', `float() argument must be ${expected}${typeName(value)}'`);
};

/** `bool(value)`: the string "false" is true. */
export const toBool = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length > 0;
  return isRecord(value) ? Object.keys(value).length > 0 : Boolean(value);
};
