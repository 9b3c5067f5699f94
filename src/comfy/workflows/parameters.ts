import { randomInt } from 'node:crypto';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Parameters, Workflow } from './workflow.js';

/** One wrong field of a request. */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

export type CheckedParameters =
  | { readonly ok: true; readonly parameters: Parameters }
  | { readonly ok: false; readonly faults: readonly FieldFault[] };

type Source = 'json' | 'form';

const options = { allErrors: true, useDefaults: true, strict: false } as const;
/** JSON says what is a number; a form's fields are text and are read as what the schema wants. */
const checkers = {
  json: new Ajv(options),
  form: new Ajv({ ...options, coerceTypes: true }),
} as const satisfies Record<Source, Ajv>;

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

/** The first fault of each field: the branches of an anyOf would otherwise repeat it. */
const faultsOf = (errors: readonly ErrorObject[]): FieldFault[] => {
  const byPath = new Map<string, FieldFault>();
  for (const error of errors) {
    const fault = toFault(error);
    if (!byPath.has(fault.path)) byPath.set(fault.path, fault);
  }
  return [...byPath.values()];
};

/** Compiled once per workflow; ajv itself would keep every schema object for ever. */
const compiled = {
  json: new WeakMap<Workflow, ValidateFunction>(),
  form: new WeakMap<Workflow, ValidateFunction>(),
} as const satisfies Record<Source, WeakMap<Workflow, ValidateFunction>>;

const validatorOf = (workflow: Workflow, source: Source): ValidateFunction => {
  const known = compiled[source].get(workflow);
  if (known) return known;
  const validate = checkers[source].compile(parameterSchema(workflow));
  compiled[source].set(workflow, validate);
  return validate;
};

/** A form has no lists, `a, b` is one; and what is left empty in it is not given. */
const readForm = (workflow: Workflow, parameters: Record<string, unknown>): void => {
  for (const [name, { type }] of Object.entries(workflow.parameters)) {
    const value = parameters[name];
    if (value === '') delete parameters[name];
    else if (type === 'array' && typeof value === 'string') {
      parameters[name] = value.split(',').map((item) => item.trim());
    }
  }
};

/** Checks what a person sent, fills in defaults and draws a random seed. The input is not changed. */
export const checkParameters = (
  workflow: Workflow,
  given: Readonly<Record<string, unknown>>,
  source: Source,
): CheckedParameters => {
  const parameters: Record<string, unknown> = structuredClone({ ...given });
  if (source === 'form') readForm(workflow, parameters);
  const validate = validatorOf(workflow, source);
  if (!validate(parameters)) return { ok: false, faults: faultsOf(validate.errors ?? []) };
  if (parameters['seed'] === 'random') parameters['seed'] = randomInt(2 ** 48 - 1);
  return { ok: true, parameters };
};

/** Valid parameters made of examples and defaults, to build a graph that nobody runs. */
export const probeParameters = (workflow: Workflow, choice?: unknown): Parameters => {
  const given: Record<string, unknown> = Object.fromEntries(
    workflow.requiredParameters.map((name) => [name, workflow.parameters[name]?.example]),
  );
  if (workflow.choice !== undefined && choice !== undefined) given[workflow.choice] = choice;
  const checked = checkParameters(workflow, given, 'json');
  if (!checked.ok) {
    throw new Error(
      `The examples of ${workflow.id} are not valid: ${JSON.stringify(checked.faults)}`,
    );
  }
  return checked.parameters;
};
