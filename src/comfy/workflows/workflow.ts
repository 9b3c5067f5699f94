import type { Graph } from '../graph/index.js';

/** A JSON Schema of one parameter, as published in OpenAPI and checked at submit. */
export interface ParameterSchema {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean';
  readonly description: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly (string | number)[];
  readonly oneOf?: readonly object[];
  readonly default?: unknown;
  readonly example?: unknown;
}

export type Parameters = Readonly<Record<string, unknown>>;

/** A picture that the workflow takes: `field` is its name in requests (`imageId` for role `image`). */
export interface WorkflowInput {
  readonly role: string;
  readonly field: string;
  readonly isRequired: boolean;
  readonly description: string;
}

/** What a person gets: a named file or text, taken from a known node. */
export interface WorkflowOutput {
  readonly name: string;
  readonly type: 'file' | 'text';
  readonly nodeId: string;
}

/**
 * The result is pasted at the customer's resolution: the picture of `image` is scaled up, and the
 * source is put back over it where `mask` is white.
 */
export interface SubjectPaste {
  readonly sourceRole: string;
  readonly imageOutput: string;
  readonly maskOutput: string;
}

export interface BuildContext {
  /** Role → name that ComfyUI gave the uploaded picture, ready for LoadImage. */
  readonly images: Readonly<Record<string, string>>;
  /** Folder and name that differ for each start, so that nothing is taken from a cache or overwritten. */
  readonly filenamePrefix: string;
}

/** A step that a person understands, for the nodes that do it; `weight` is its share of the time. */
export interface Step {
  readonly words: string;
  readonly weight: number;
  readonly nodeIds: readonly string[];
}

/** One kind of generation, as data. `build` is pure: the same input gives the same graph. */
export interface Workflow {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly defaultCredits: number;
  /** From the moment it runs; then it is stopped and fails as comfy.deadline_exceeded. */
  readonly deadlineSeconds: number;
  readonly inputs: readonly WorkflowInput[];
  readonly parameters: Readonly<Record<string, ParameterSchema>>;
  readonly requiredParameters: readonly string[];
  readonly outputs: readonly WorkflowOutput[];
  readonly steps: readonly Step[];
  readonly subject?: SubjectPaste;
  build(parameters: Parameters, context: BuildContext): Graph;
}

export const MAX_SEED = Number.MAX_SAFE_INTEGER;

/** The parameters that several workflows share. */
export const promptParameter = (description: string, example: string): ParameterSchema => ({
  type: 'string',
  description,
  minLength: 1,
  maxLength: 2_000,
  example,
});

export const negativePromptParameter: ParameterSchema = {
  type: 'string',
  description: 'What must not be in the picture',
  maxLength: 2_000,
  default: 'deformed, bad anatomy, extra fingers, blurry, lowres, watermark, text',
  example: 'people, text, watermark',
};

/** A fixed default keeps results repeatable; "random" is drawn at submit and kept in the job. */
export const seedParameter = (fallback: number | 'random'): ParameterSchema => ({
  description: 'Same seed, same parameters: same picture. "random" draws one, which the job shows',
  oneOf: [
    { type: 'integer', minimum: 0, maximum: MAX_SEED },
    { type: 'string', enum: ['random'] },
  ],
  default: fallback,
  example: 'random',
});

export const imageInput: WorkflowInput = {
  role: 'image',
  field: 'imageId',
  isRequired: true,
  description: 'A saved file of yours',
};

/** Reads a checked text parameter; empty when it was not given. */
export const text = (parameters: Parameters, name: string): string => {
  const value = parameters[name];
  return typeof value === 'string' ? value : '';
};

/** Reads a checked number parameter; 0 when it was not given. */
export const number = (parameters: Parameters, name: string): number => {
  const value = parameters[name];
  return typeof value === 'number' ? value : 0;
};
