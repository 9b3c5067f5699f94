import { randomInt } from 'node:crypto';
import { Ajv, type ErrorObject } from 'ajv';
import type { Parameters, Workflow } from './workflow.js';

/** One wrong field of a request. */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

export type CheckedParameters =
  | { readonly ok: true; readonly parameters: Parameters }
  | { readonly ok: false; readonly faults: readonly FieldFault[] };

const options = { allErrors: true, useDefaults: true, strict: false } as const;
/** JSON says what is a number; a form's fields are text and are read as what the schema wants. */
const forJson = new Ajv(options);
const forForm = new Ajv({ ...options, coerceTypes: true });

/** The JSON Schema of a workflow's parameters: published, and checked at submit. */
export const parameterSchema = (workflow: Workflow) => ({
  type: 'object',
  properties: workflow.parameters,
  required: [...workflow.requiredParameters],
  additionalProperties: false,
});

const toFault = (error: ErrorObject): FieldFault => {
  const params = error.params as Record<string, unknown>;
  const own = error.instancePath.slice(1).replaceAll('/', '.');
  const named = params['missingProperty'] ?? params['additionalProperty'];
  const path = [own, named].filter((part) => typeof part === 'string' && part !== '').join('.');
  switch (error.keyword) {
    case 'required':
      return { path, message: 'is required' };
    case 'additionalProperties':
      return { path, message: 'is not a parameter of this workflow' };
    case 'enum':
      return {
        path,
        message: `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`,
      };
    default:
      return { path, message: error.message ?? 'is not valid' };
  }
};

/** The first fault of each field: the branches of a oneOf would otherwise repeat it. */
const faultsOf = (errors: readonly ErrorObject[]): FieldFault[] => {
  const byPath = new Map<string, FieldFault>();
  for (const error of errors) {
    const fault = toFault(error);
    if (!byPath.has(fault.path)) byPath.set(fault.path, fault);
  }
  return [...byPath.values()];
};

/** Checks what a person sent, fills in defaults and draws a random seed. The input is not changed. */
export const checkParameters = (
  workflow: Workflow,
  given: Readonly<Record<string, unknown>>,
  source: 'json' | 'form',
): CheckedParameters => {
  const parameters: Record<string, unknown> = structuredClone({ ...given });
  const ajv = source === 'form' ? forForm : forJson;
  const validate = ajv.compile(parameterSchema(workflow));
  if (!validate(parameters)) return { ok: false, faults: faultsOf(validate.errors ?? []) };
  if (parameters['seed'] === 'random') parameters['seed'] = randomInt(2 ** 48 - 1);
  return { ok: true, parameters };
};

/** Valid parameters made of examples and defaults, to build a graph that nobody runs. */
export const probeParameters = (workflow: Workflow): Parameters => {
  const given = Object.fromEntries(
    workflow.requiredParameters.map((name) => [name, workflow.parameters[name]?.example]),
  );
  const checked = checkParameters(workflow, given, 'json');
  if (!checked.ok) {
    throw new Error(
      `The examples of ${workflow.id} are not valid: ${JSON.stringify(checked.faults)}`,
    );
  }
  return checked.parameters;
};
