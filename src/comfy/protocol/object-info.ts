import { arrayAt, isObject, objectAt, stringAt, type JsonObject } from './json.js';

/** What a node class takes and gives, as far as a graph can be checked against it. */
export interface NodeClass {
  readonly inputs: ReadonlyMap<string, InputSpec>;
  readonly outputTypes: readonly string[];
  readonly isOutputNode: boolean;
}

export interface InputSpec {
  readonly type: string;
  readonly isRequired: boolean;
  /** The allowed values of a combo; undefined for other types. */
  readonly options: readonly unknown[] | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

export type ObjectInfo = ReadonlyMap<string, NodeClass>;

const readInput = (declared: unknown, isRequired: boolean): InputSpec => {
  const [type, options] = Array.isArray(declared) ? (declared as unknown[]) : [];
  const settings: JsonObject = isObject(options) ? options : {};
  const bound = (key: string) => (typeof settings[key] === 'number' ? settings[key] : undefined);
  const common = { isRequired, min: bound('min'), max: bound('max') };
  // Combos come in two shapes (§2.7): a bare list, and "COMBO" with options.
  if (Array.isArray(type)) return { ...common, type: 'COMBO', options: type };
  const name = typeof type === 'string' ? type : 'UNKNOWN';
  return {
    ...common,
    type: name,
    options: name === 'COMBO' ? arrayAt(settings, 'options') : undefined,
  };
};

const readClass = (declared: unknown): NodeClass => {
  const input = objectAt(declared, 'input');
  const inputs = new Map<string, InputSpec>();
  for (const [group, isRequired] of [
    ['required', true],
    ['optional', false],
  ] as const) {
    for (const [name, value] of Object.entries(objectAt(input, group))) {
      inputs.set(name, readInput(value, isRequired));
    }
  }
  const outputTypes = arrayAt(declared, 'output').map((type) =>
    Array.isArray(type) ? 'COMBO' : String(type),
  );
  const isOutputNode = isObject(declared) && declared['output_node'] === true;
  return { inputs, outputTypes, isOutputNode };
};

/** Reads GET /object_info (§2.7). */
export const parseObjectInfo = (body: unknown): ObjectInfo =>
  new Map(
    Object.entries(isObject(body) ? body : {}).flatMap(([name, declared]) =>
      stringAt(declared, 'name') === undefined && !isObject(declared)
        ? []
        : [[name, readClass(declared)] as const],
    ),
  );
