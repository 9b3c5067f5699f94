import type { Graph } from '../../src/comfy/graph/index.js';
import { probeParameters } from '../../src/comfy/workflows/parameters.js';
import { builtInWorkflows } from '../../src/comfy/workflows/index.js';
import type { Workflow } from '../../src/comfy/workflows/workflow.js';
import { parseBackgrounds } from '../../src/config/backgrounds.js';

const SEED = 42;

export const WORKFLOWS: readonly Workflow[] = builtInWorkflows({
  backgrounds: parseBackgrounds('{}'),
  brushnet: true,
});

export interface NamedGraph {
  readonly name: string;
  readonly workflow: Workflow;
  readonly graph: Graph;
}

const graphsOf = (workflow: Workflow): NamedGraph[] => {
  const seed = 'seed' in workflow.parameters ? { seed: SEED } : {};
  const parameters = { ...probeParameters(workflow), ...seed };
  const required = workflow.inputs.filter(({ isRequired }) => isRequired);
  const pictures =
    required.length === workflow.inputs.length ? [required] : [required, workflow.inputs];
  return (workflow.variants ?? [undefined]).flatMap((variant) =>
    pictures.map((inputs) => {
      const roles = inputs.map(({ role }) => role);
      const optional = roles.filter((role) => role !== 'image').map((role) => `with-${role}`);
      return {
        name: [workflow.id, variant, ...optional].filter(Boolean).join('.'),
        workflow,
        graph: workflow.build(parameters, {
          images: Object.fromEntries(roles.map((role) => [role, `hom/${role}.png [temp]`])),
          filenamePrefix: 'hom/PROMPT_ID',
          ...(variant !== undefined && { variant }),
        }),
      };
    }),
  );
};

/** Every graph of the product: each variant, with and without the optional pictures. */
export const allGraphs = (): NamedGraph[] => WORKFLOWS.flatMap(graphsOf);
