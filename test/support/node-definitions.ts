import { readFileSync } from 'node:fs';

/** What a node class takes and gives, as a real ComfyUI 0.33.0 with the node packs told it. */
export interface NodeDefinition {
  readonly inputs: ReadonlyMap<string, InputDefinition>;
  readonly outputs: readonly string[];
  readonly isOutput: boolean;
}

export interface InputDefinition {
  readonly type: string;
  readonly isRequired: boolean;
  /** Undefined: the files of the installation, or no combo at all. */
  readonly options: readonly unknown[] | undefined;
  readonly min: number | undefined;
  readonly max: number | undefined;
}

type Declared = readonly [type: string | readonly unknown[], settings?: Record<string, unknown>];
type Sections = Readonly<Record<string, Readonly<Record<string, Declared>>>>;

const readInput = ([type, settings = {}]: Declared, isRequired: boolean): InputDefinition => {
  const listed = Array.isArray(type) ? (type as unknown[]) : settings['options'];
  const isListed = Array.isArray(listed) && listed.length > 0;
  // A list that was read on the reference's machine: what lies in the folder there, not a rule.
  const isFolder = 'x_options_from_models_folder' in settings || 'image_upload' in settings;
  return {
    type: Array.isArray(type) ? 'COMBO' : (type as string),
    isRequired,
    options: isListed && !isFolder ? (listed as unknown[]) : undefined,
    min: settings['min'] as number | undefined,
    max: settings['max'] as number | undefined,
  };
};

const readInputs = (sections: Sections): Map<string, InputDefinition> =>
  new Map(
    (['required', 'optional'] as const).flatMap((section) =>
      Object.entries(sections[section] ?? {}).map(
        ([name, declared]) => [name, readInput(declared, section === 'required')] as const,
      ),
    ),
  );

const typeName = (type: unknown): string => (Array.isArray(type) ? 'COMBO' : String(type));

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');

/** From the recorded answers of GET /object_info/<class>. */
const recorded = (): [string, NodeDefinition][] =>
  fixture('comfyui-recordings/j-state-endpoints.jsonl')
    .split('\n')
    .filter((line) => line.includes('"/object_info/'))
    .map(
      (line) =>
        JSON.parse(line) as {
          response: {
            json?: Record<string, { input: Sections; output: unknown[]; output_node: boolean }>;
          };
        },
    )
    .flatMap(({ response }) => Object.entries(response.json ?? {}))
    .filter(([name]) => !name.startsWith('Peer'))
    .map(([name, { input, output, output_node }]) => [
      name,
      { inputs: readInputs(input), outputs: output.map(typeName), isOutput: output_node },
    ]);

/** From the reference's list of the classes of all packs. */
const listed = (): [string, NodeDefinition][] =>
  Object.entries(
    JSON.parse(fixture('comfyui-nodes.json')) as Record<
      string,
      { inputs: Sections; outputs: { type: unknown }[]; output_node: boolean }
    >,
  ).map(([name, { inputs, outputs, output_node }]) => [
    name,
    {
      inputs: readInputs(inputs),
      outputs: outputs.map(({ type }) => typeName(type)),
      isOutput: output_node,
    },
  ]);

export const NODE_DEFINITIONS: ReadonlyMap<string, NodeDefinition> = new Map([
  ...recorded(),
  ...listed(),
]);

type Graph = Readonly<
  Record<string, { class_type: string; inputs: Readonly<Record<string, unknown>> }>
>;

const isAccepted = (given: string, wanted: string): boolean =>
  wanted === '*' || given === '*' || wanted.split(',').includes(given);

const faultOfLink = (graph: Graph, wanted: string, [id, slot]: readonly unknown[]) => {
  const source = graph[String(id)];
  if (!source) return `links to node ${String(id)}, which is not there`;
  const given = NODE_DEFINITIONS.get(source.class_type)?.outputs[Number(slot)];
  if (given === undefined) return `links to slot ${String(slot)} of ${source.class_type}`;
  return isAccepted(given, wanted) ? undefined : `wants ${wanted} and gets ${given}`;
};

const CHECKS: Readonly<Record<string, (value: unknown) => boolean>> = {
  INT: Number.isInteger,
  FLOAT: (value) => typeof value === 'number',
  BOOLEAN: (value) => typeof value === 'boolean',
  STRING: (value) => typeof value === 'string',
  COMBO: (value) => typeof value === 'string',
};

const faultOfValue = (spec: InputDefinition, value: unknown) => {
  const { type, options, min = -Infinity, max = Infinity } = spec;
  if (!CHECKS[type]?.(value)) return `${JSON.stringify(value)} is no ${type}`;
  if (options && !options.includes(value)) return `${JSON.stringify(value)} is no option`;
  if (typeof value === 'number' && (value < min || value > max)) {
    return `${value} is not within ${min} to ${max}`;
  }
  return undefined;
};

/** What a real ComfyUI with the packs would refuse in a graph; model files are not looked at. */
export const faultsOf = (graph: Graph): string[] => {
  const faults: string[] = [];
  for (const [id, { class_type, inputs }] of Object.entries(graph)) {
    const definition = NODE_DEFINITIONS.get(class_type);
    const say = (what: string) => faults.push(`${id} ${class_type}: ${what}`);
    if (!definition) {
      say('no such class');
      continue;
    }
    for (const [name, { isRequired }] of definition.inputs) {
      if (isRequired && !(name in inputs)) say(`${name} is missing`);
    }
    for (const [name, value] of Object.entries(inputs)) {
      const spec = definition.inputs.get(name);
      const fault = !spec
        ? 'is no input'
        : Array.isArray(value)
          ? faultOfLink(graph, spec.type, value)
          : faultOfValue(spec, value);
      if (fault !== undefined) say(`${name} ${fault}`);
    }
  }
  const hasOutput = Object.values(graph).some(
    ({ class_type }) => NODE_DEFINITIONS.get(class_type)?.isOutput,
  );
  return hasOutput ? faults : [...faults, 'no output node'];
};
