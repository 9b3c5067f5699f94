/** Checks of one input's value, and the error items of the contract (protocol §2.1). */
import type { InputSpec } from './node-catalogue.js';
import { repr, toBool, toFloat, toInt } from './python.js';

export interface ErrorItem {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: object;
}

export const item = (
  type: string,
  message: string,
  details: string,
  extra_info: object,
): ErrorItem => ({
  type,
  message,
  details,
  extra_info,
});

export const missing = (name: string): ErrorItem =>
  item('required_input_missing', 'Required input is missing', name, { input_name: name });

export const isCompatible = (received: string, wanted: InputSpec[0]): boolean => {
  if (typeof wanted !== 'string') return received === 'COMBO' || received === '*';
  const kinds = wanted.split(',').map((kind) => kind.trim());
  return received === '*' || kinds.includes('*') || kinds.includes(received);
};

export const coerce = (type: InputSpec[0], value: unknown): unknown => {
  if (type === 'INT') return toInt(value);
  if (type === 'FLOAT') return toFloat(value);
  if (type === 'STRING') return typeof value === 'string' ? value : repr(value);
  return type === 'BOOLEAN' ? toBool(value) : value;
};

export const checkRange = (
  name: string,
  spec: InputSpec,
  value: unknown,
): ErrorItem | undefined => {
  const extra = { input_name: name, input_config: spec, received_value: value };
  const { min, max } = spec[1] ?? {};
  if (typeof value !== 'number') return undefined;
  if (typeof min === 'number' && value < min) {
    return item('value_smaller_than_min', `Value ${value} smaller than min of ${min}`, name, extra);
  }
  if (typeof max === 'number' && value > max) {
    return item('value_bigger_than_max', `Value ${value} bigger than max of ${max}`, name, extra);
  }
  return undefined;
};

export const checkCombo = (
  name: string,
  spec: InputSpec,
  value: unknown,
): ErrorItem | undefined => {
  const options: unknown = spec[0] === 'COMBO' ? spec[1]?.['options'] : spec[0];
  if (!Array.isArray(options) || options.includes(value)) return undefined;
  const isLong = options.length > 20;
  const list = isLong ? `(list of length ${options.length})` : repr(options);
  const shown = typeof value === 'string' ? value : repr(value);
  return item('value_not_in_list', 'Value not in list', `${name}: '${shown}' not in ${list}`, {
    input_name: name,
    input_config: isLong ? null : spec,
    received_value: value,
  });
};
