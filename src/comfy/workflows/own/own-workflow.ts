import type { Graph } from '../../graph/index.js';
import {
  seedParameter,
  withoutEmbeddings,
  type BuildContext,
  type ParameterSchema,
  type Parameters,
  type Workflow,
  type WorkflowInput,
} from '../workflow.js';
import type { Manifest, ManifestInput, ManifestParameter } from './manifest.js';

const DEADLINE_SECONDS = 600;
const MAX_TEXT = 2_000;

const toInput = ({ role, description, otherwise }: ManifestInput): WorkflowInput => ({
  role,
  field: `${role}Id`,
  isRequired: otherwise === undefined,
  description:
    description ??
    (otherwise === undefined ? 'A saved file of yours' : `A saved file; otherwise ${otherwise}Id`),
});

const limitsOf = ({ enum: options, minimum, maximum, maxLength }: ManifestParameter) => ({
  ...(options && { enum: options }),
  ...(minimum !== undefined && { minimum }),
  ...(maximum !== undefined && { maximum }),
  ...(maxLength !== undefined && { maxLength }),
});

const toSchema = (given: ManifestParameter, inGraph: unknown): ParameterSchema => {
  const { type, required, default: fallback = inGraph } = given;
  if (type === 'seed') {
    return {
      ...seedParameter(typeof given.default === 'number' ? given.default : 'random'),
      description: given.description,
    };
  }
  return {
    ...(type === 'string' && !given.enum && { maxLength: MAX_TEXT }),
    ...limitsOf(given),
    description: given.description,
    type,
    ...(!required && { default: fallback }),
    example: given.example ?? fallback,
  };
};

type Nodes = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

/** The operator's graph with the pictures, the parameters and a prefix for each file that it saves. */
const fill = (
  template: Graph,
  manifest: Manifest,
  parameters: Parameters,
  { images, filenamePrefix }: BuildContext,
): Graph => {
  const nodes = structuredClone(template) as Nodes;
  const put = (id: string, input: string, value: unknown): void => {
    const node = nodes[id];
    if (node) node.inputs[input] = value;
  };
  for (const [id, { inputs }] of Object.entries(nodes)) {
    if (typeof inputs['filename_prefix'] === 'string') {
      put(id, 'filename_prefix', `${filenamePrefix}/${id}`);
    }
  }
  for (const { role, node, input = 'image', otherwise = role } of manifest.inputs) {
    put(node, input, images[role] ?? images[otherwise] ?? '');
  }
  for (const [name, { bind }] of Object.entries(manifest.parameters ?? {})) {
    const value = parameters[name];
    if (value === undefined) continue;
    const safe = typeof value === 'string' ? withoutEmbeddings(value) : value;
    for (const { node, input } of bind) put(node, input, safe);
  }
  return nodes;
};

/** A workflow made of an operator's manifest and graph, which were checked against each other. */
export const ownWorkflow = (manifest: Manifest, graph: Graph): Workflow => {
  const parameters = Object.entries(manifest.parameters ?? {});
  const literalOf = ({ bind: [first] }: ManifestParameter): unknown =>
    first && graph[first.node]?.inputs[first.input];
  return {
    id: manifest.id,
    title: manifest.title,
    description: manifest.description,
    defaultCredits: manifest.credits,
    deadlineSeconds: manifest.deadlineSeconds ?? DEADLINE_SECONDS,
    inputs: manifest.inputs.map(toInput),
    parameters: Object.fromEntries(
      parameters.map(([name, given]) => [name, toSchema(given, literalOf(given))]),
    ),
    requiredParameters: parameters.flatMap(([name, given]) =>
      given.required && given.type !== 'seed' ? [name] : [],
    ),
    outputs: manifest.outputs.map(({ name, node, type = 'file' }) => ({
      name,
      type,
      nodeId: node,
    })),
    steps: manifest.steps?.map(({ words, weight, nodes }) => ({
      words,
      weight,
      nodeIds: nodes,
    })) ?? [{ words: manifest.title, weight: 1, nodeIds: Object.keys(graph) }],
    build: (given, context) => fill(graph, manifest, given, context),
  };
};
