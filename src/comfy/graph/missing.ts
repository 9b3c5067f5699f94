import type { ObjectInfo } from '../protocol/index.js';
import type { Graph, GraphNode } from './graph.js';

/** Something that a ComfyUI lacks to run a graph. */
export interface Missing {
  readonly kind: 'node' | 'value';
  /** The node class, or `Class.input` of the value. */
  readonly name: string;
  /** The file or setting that the input does not offer. */
  readonly value?: string;
}

/** Classes whose combo lists the files that were uploaded: always filled just before a run. */
const UPLOAD_INPUTS: Readonly<Record<string, string>> = {
  LoadImage: 'image',
  LoadImageMask: 'image',
};

const missingInNode = (node: GraphNode, info: ObjectInfo): Missing[] => {
  const known = info.get(node.class_type);
  if (!known) return [{ kind: 'node', name: node.class_type }];
  return Object.entries(node.inputs).flatMap(([input, value]): Missing[] => {
    const options = known.inputs.get(input)?.options;
    if (!options || Array.isArray(value) || UPLOAD_INPUTS[node.class_type] === input) return [];
    if (options.includes(value)) return [];
    return [{ kind: 'value', name: `${node.class_type}.${input}`, value: String(value) }];
  });
};

/**
 * What `info` lacks to run `graphs`: node classes that are not installed, and model files or
 * settings that an input does not list. Empty: all of them can run.
 */
export const missingFor = (graphs: readonly Graph[], info: ObjectInfo): Missing[] => {
  const nodes = graphs.flatMap((graph) => Object.values(graph));
  const all = nodes.flatMap((node) => missingInNode(node, info));
  return [
    ...new Map(all.map((missing) => [`${missing.name}=${missing.value ?? ''}`, missing])).values(),
  ];
};
