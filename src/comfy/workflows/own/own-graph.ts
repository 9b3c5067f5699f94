import type { Graph, GraphNode } from '../../graph/index.js';
import type { Binding, Manifest, ManifestParameter } from './manifest.js';
import { Refused, type SourceFile } from './source-file.js';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isNode = (value: unknown): value is GraphNode =>
  isObject(value) && typeof value['class_type'] === 'string' && isObject(value['inputs']);

const isLink = (value: unknown): value is readonly [string, number] =>
  Array.isArray(value) && value.length === 2 && typeof value[1] === 'number';

/** Reads a graph in ComfyUI's API format. Throws {@link Refused}. */
export const readGraph = (file: SourceFile): Graph => {
  const { content } = file;
  if (!isObject(content)) throw new Refused(file, [], 'is no graph');
  if (Array.isArray(content['nodes'])) {
    throw new Refused(file, ['nodes'], 'is a saved workflow; export it with "Export (API)"');
  }
  if (Object.keys(content).length === 0) throw new Refused(file, [], 'has no nodes');
  for (const [id, node] of Object.entries(content)) {
    if (!isNode(node)) throw new Refused(file, [id], `node ${id} has no class_type and inputs`);
    for (const [input, value] of Object.entries(node.inputs)) {
      if (!isLink(value) || String(value[0]) in content) continue;
      throw new Refused(
        file,
        [id, 'inputs', input],
        `${id}.${input} links to node ${value[0]}, which is not there`,
      );
    }
  }
  return content as Graph;
};

/** What a person writes never becomes the name of a file. */
const NAMES_FILE = /(_name|_?path|_?file|_?dir|_?folder|prefix)$/i;

const KINDS: Readonly<Record<ManifestParameter['type'], (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  number: (value) => typeof value === 'number',
  boolean: (value) => typeof value === 'boolean',
  seed: Number.isInteger,
};

class BindingCheck {
  private readonly taken = new Set<string>();

  constructor(
    private readonly graph: Graph,
    private readonly manifest: SourceFile,
  ) {}

  node(id: string, at: readonly string[]): GraphNode {
    const node = Object.hasOwn(this.graph, id) ? this.graph[id] : undefined;
    if (!node) throw new Refused(this.manifest, at, `the graph has no node ${id}`);
    return node;
  }

  /** The literal that a binding replaces; each may be bound once. */
  literal({ node: id, input }: Binding, at: readonly string[]): unknown {
    const { inputs, class_type } = this.node(id, at);
    const name = `${id}.${input}`;
    const refuse = (reason: string) => new Refused(this.manifest, at, `${name} ${reason}`);
    if (!Object.hasOwn(inputs, input)) throw refuse(`is no input of ${class_type} in the graph`);
    if (isLink(inputs[input])) throw refuse('is linked to another node and cannot be set');
    if (input === 'filename_prefix') throw refuse('is set by the product, for each start anew');
    if (this.taken.has(name)) throw refuse('is bound twice');
    this.taken.add(name);
    return inputs[input];
  }

  parameter(name: string, parameter: ManifestParameter): void {
    const { bind, type, required, example } = parameter;
    const at = ['parameters', name];
    if (required && example === undefined && type !== 'seed') {
      throw new Refused(this.manifest, at, `parameters.${name} is required and needs an example`);
    }
    bind.forEach((binding, index) => {
      const place = [...at, 'bind', String(index)];
      const literal = this.literal(binding, place);
      const reach = `${binding.node}.${binding.input}`;
      if (!KINDS[type](literal)) {
        const reason = `${reach} is ${JSON.stringify(literal)} in the graph, which is no ${type}`;
        throw new Refused(this.manifest, place, reason);
      }
      if (type === 'string' && !parameter.enum && NAMES_FILE.test(binding.input)) {
        throw new Refused(this.manifest, place, `${reach} names a file: give an enum of choices`);
      }
    });
  }
}

/** Compares a manifest with its graph. Throws {@link Refused} at the first thing that does not fit. */
export const checkBindings = (manifest: Manifest, source: SourceFile, graph: Graph): void => {
  const check = new BindingCheck(graph, source);
  const roles = manifest.inputs.map(({ role }) => role);
  if (roles[0] !== 'image') {
    throw new Refused(source, ['inputs', '0', 'role'], 'the first input must have the role image');
  }
  manifest.inputs.forEach(({ role, node, input = 'image', otherwise }, index) => {
    const at = ['inputs', String(index)];
    if (roles.indexOf(role) !== index)
      throw new Refused(source, at, `the role ${role} is there twice`);
    check.literal({ node, input }, at);
    if (otherwise === undefined) return;
    const standIn = manifest.inputs.find((one) => one.role === otherwise);
    if (!standIn || standIn.otherwise !== undefined) {
      throw new Refused(source, [...at, 'otherwise'], `${otherwise} is no required input`);
    }
  });
  for (const [name, parameter] of Object.entries(manifest.parameters ?? {})) {
    if (manifest.inputs.some(({ role }) => `${role}Id` === name) || name === 'image') {
      throw new Refused(source, ['parameters', name], `${name} is the name of a picture`);
    }
    check.parameter(name, parameter);
  }
  const names = manifest.outputs.map(({ name }) => name);
  manifest.outputs.forEach(({ name, node }, index) => {
    const at = ['outputs', String(index)];
    if (names.indexOf(name) !== index)
      throw new Refused(source, at, `the output ${name} is there twice`);
    check.node(node, at);
  });
  (manifest.steps ?? []).forEach(({ nodes }, index) => {
    for (const node of nodes) check.node(node, ['steps', String(index)]);
  });
};
