import type { ParameterSchema, Parameters } from './workflow.js';

/** A trained background: a LoRA file of the GPU machines, and the words that call it up. */
export interface Background {
  readonly id: string;
  readonly title: string;
  readonly file: string;
  /** Joined to the prompt; empty when the file needs none. */
  readonly words: string;
  /** The workflows that offer it. */
  readonly workflows: readonly string[];
}

/** The backgrounds that `workflowId` offers. Throws when its default is not among them. */
export const backgroundsFor = (
  backgrounds: readonly Background[],
  workflowId: string,
  fallback: string,
): readonly Background[] => {
  const offered = backgrounds.filter(({ workflows }) => workflows.includes(workflowId));
  if (!offered.some(({ id }) => id === fallback)) {
    throw new Error(`BACKGROUNDS must offer "${fallback}" to ${workflowId}, whose default it is.`);
  }
  return offered;
};

export const backgroundParameter = (
  offered: readonly Background[],
  fallback: string,
): ParameterSchema => ({
  type: 'string',
  description: 'A trained background; GET /v1/comfy/backgrounds lists them',
  enum: offered.map(({ id }) => id),
  default: fallback,
  example: fallback,
});

/** The background that checked parameters name; a name that is configured no more is the first. */
export const backgroundOf = (
  offered: readonly Background[],
  parameters: Parameters,
): Background => {
  const found = offered.find(({ id }) => id === parameters['background']) ?? offered[0];
  if (!found) throw new Error('A workflow with backgrounds has at least one.');
  return found;
};
