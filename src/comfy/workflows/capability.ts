import type { Graph } from '../graph/index.js';
import { probeParameters } from './parameters.js';
import type { Parameters, Step, Workflow } from './workflow.js';

export interface CapabilityKey {
  readonly key: string;
  readonly choice: unknown;
}

const defaultChoice = ({ choice, parameters }: Workflow): unknown =>
  choice === undefined ? undefined : parameters[choice]?.default;

const keyFor = (workflow: Workflow, choice: unknown): string =>
  typeof choice !== 'string' || choice === defaultChoice(workflow)
    ? workflow.id
    : `${workflow.id}/${choice}`;

/**
 * What a GPU must be able to do for a job with these parameters: the workflow's id, or
 * `<id>/<choice>` where the choice needs other files than the default.
 */
export const capabilityKey = (workflow: Workflow, parameters: Parameters): string =>
  keyFor(workflow, workflow.choice === undefined ? undefined : parameters[workflow.choice]);

/** Every key that jobs of the workflow can have, that of the default first. */
export const capabilityKeys = (workflow: Workflow): CapabilityKey[] => {
  const fallback = defaultChoice(workflow);
  const values =
    workflow.choice === undefined ? [] : (workflow.parameters[workflow.choice]?.enum ?? []);
  return [fallback, ...values.filter((value) => value !== fallback)].map((choice) => ({
    key: keyFor(workflow, choice),
    choice,
  }));
};

export interface Probe {
  readonly choice?: unknown;
  readonly variant?: string | undefined;
}

/**
 * Graphs as jobs of this workflow would have them, to compare with what an instance offers: with
 * all pictures, and with the required ones alone.
 */
export const probeGraphs = (workflow: Workflow, { choice, variant }: Probe = {}): Graph[] => {
  const parameters = probeParameters(workflow, choice);
  const build = (inputs: Workflow['inputs']): Graph =>
    workflow.build(parameters, {
      images: Object.fromEntries(inputs.map(({ role }) => [role, 'probe.png'])),
      filenamePrefix: 'probe',
      ...(variant !== undefined && { variant }),
    });
  const required = workflow.inputs.filter(({ isRequired }) => isRequired);
  return required.length === workflow.inputs.length
    ? [build(required)]
    : [build(required), build(workflow.inputs)];
};

/** The steps of the graph that a job has: those without any of its nodes are not counted. */
export const stepsOf = (
  workflow: Workflow,
  parameters: Parameters,
  job: { readonly roles: readonly string[]; readonly variant?: string | undefined },
): Step[] => {
  const graph = workflow.build(parameters, {
    images: Object.fromEntries(job.roles.map((role) => [role, ''])),
    filenamePrefix: '',
    ...(job.variant !== undefined && { variant: job.variant }),
  });
  return workflow.steps
    .map((step) => ({ ...step, nodeIds: step.nodeIds.filter((id) => id in graph) }))
    .filter((step) => step.nodeIds.length > 0);
};
