/** What no two runs share, and what a server without Python cannot have, made equal. */

const MASKS: Readonly<Record<string, (value: unknown) => unknown>> = {
  timestamp: () => 'time',
  create_time: () => 'time',
  execution_start_time: () => 'time',
  execution_end_time: () => 'time',
  traceback: () => 'traceback',
  // Texts of library errors follow the library (recordings README); the newline is the contract.
  exception_message: (value) => (String(value).endsWith('\n') ? 'text with newline' : value),
  exception_type: (value) => (LIBRARY_ERRORS.has(String(value)) ? 'library error' : value),
  current_inputs: (value) => Object.keys(value as object).sort(),
  current_outputs: (value) => [...(value as string[])].sort(),
  // Both are sets in the real server.
  executed: (value) => [...(value as string[])].sort(),
  sid: (value) => (/^[0-9a-f]{32}$/.test(String(value)) ? 'some sid' : value),
  filename: (value) => String(value).replace(/_temp_[a-z]{5}_\d{5}/, '_temp_xxxxx_00000'),
  prompt: (value) => {
    const tuple = value as unknown[];
    return tuple.length === 5 ? [...tuple.slice(0, 4), [...(tuple[4] as string[])].sort()] : tuple;
  },
  errors: (value) =>
    Array.isArray(value)
      ? [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : value,
};
const LIBRARY_ERRORS = new Set([
  'OSError',
  'RuntimeError',
  'av.error.FileNotFoundError',
  'Exception',
]);

export const masked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(byKey)
      .map(([key, inner]) => [key, (MASKS[key] ?? ((same) => same))(masked(inner))]),
  );
};

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
