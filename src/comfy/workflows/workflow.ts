import type { Graph } from '../graph/index.js';

/** A JSON Schema of one parameter, as published in OpenAPI and checked at submit. */
export interface ParameterSchema {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  readonly description: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly enum?: readonly (string | number)[];
  readonly items?: { readonly type: 'string'; readonly enum: readonly string[] };
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  readonly anyOf?: readonly object[];
  readonly default?: unknown;
  readonly example?: unknown;
  /** More than one, for the documentation. */
  readonly examples?: readonly unknown[];
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
  /** Only when the job has a picture of this role. */
  readonly needsInput?: string;
}

/**
 * Brings the picture of `imageOutput` to the customer's resolution: it is scaled to the size of the
 * source, which is put back over it where the mask has the colour `kept`. A job without that mask
 * is only scaled.
 */
export interface SubjectPaste {
  readonly sourceRole: string;
  readonly imageOutput: string;
  readonly maskOutput: string;
  readonly kept: 'white' | 'black';
}

export interface BuildContext {
  /** Role → name that ComfyUI gave the uploaded picture, ready for LoadImage. */
  readonly images: Readonly<Record<string, string>>;
  /** Folder and name that differ for each start, so that nothing is taken from a cache or overwritten. */
  readonly filenamePrefix: string;
  /** Which of {@link Workflow.variants}; the last when not given. */
  readonly variant?: string;
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
  /** For all variants; a graph without the nodes of a step does not count it. */
  readonly steps: readonly Step[];
  /** The output whose mask must show a subject; else the job fails as comfy.subject_not_found. */
  readonly subjectMask?: string;
  readonly paste?: SubjectPaste;
  /** Graphs of the same purpose, the preferred first; a GPU runs the first that it can. */
  readonly variants?: readonly string[];
  /** The parameter whose values need different files: a GPU may have some of them only. */
  readonly choice?: string;
  build(parameters: Parameters, context: BuildContext): Graph;
}

const MAX_SEED = Number.MAX_SAFE_INTEGER;

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
  // Not oneOf: reading a form would coerce the number back to text in its second branch.
  anyOf: [
    { type: 'integer', minimum: 0, maximum: MAX_SEED },
    { type: 'string', enum: ['random'] },
  ],
  default: fallback,
  example: fallback,
});

export const imageInput: WorkflowInput = {
  role: 'image',
  field: 'imageId',
  isRequired: true,
  description: 'A saved file of yours',
};

export const maskInput = (description: string): WorkflowInput => ({
  role: 'mask',
  field: 'maskId',
  isRequired: false,
  description,
});

/** Reads a checked text parameter; empty when it was not given. */
export const text = (parameters: Parameters, name: string): string => {
  const value = parameters[name];
  return typeof value === 'string' ? value : '';
};

/** ComfyUI reads `embedding:name` in a prompt as a file to load; a person names no files. */
const EMBEDDING = /embedding:/gi;

export const withoutEmbeddings = (words: string): string =>
  words.replaceAll(EMBEDDING, 'embedding ');

/** The words of a prompt from checked parameters and the workflow's own, joined by commas. */
export const promptOf = (...parts: readonly string[]): string =>
  parts
    .map((part) => withoutEmbeddings(part).trim())
    .filter((part) => part !== '')
    .join(', ');

/** Reads a checked number parameter; undefined when it was not given. */
export const findNumber = (parameters: Parameters, name: string): number | undefined => {
  const value = parameters[name];
  return typeof value === 'number' ? value : undefined;
};

/** Reads a checked number parameter; 0 when it was not given. */
export const number = (parameters: Parameters, name: string): number =>
  findNumber(parameters, name) ?? 0;
