import type { OpenAPIObject } from '@nestjs/swagger';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Parameter = NonNullable<Operation['parameters']>[number];

const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const;

const PROBLEM = {
  type: 'object',
  description: 'An error as RFC 9457 has it; some codes add members of their own',
  properties: {
    type: { type: 'string', format: 'uri', description: 'What the code means' },
    title: { type: 'string' },
    status: { type: 'integer', example: 404 },
    detail: { type: 'string', description: 'One sentence that says what to do' },
    code: { type: 'string', example: 'jobs.not_found' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      description: 'Of http.validation_failed: each wrong field',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'code', 'requestId'],
  additionalProperties: true,
};

const content = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
};

const operationsOf = (document: OpenAPIObject): Operation[] =>
  Object.values(document.paths).flatMap((item) => METHODS.flatMap((method) => item[method] ?? []));

/** Header names are alike in any case: the one that was described with words stays. */
const withoutTwins = (parameters: readonly Parameter[]): Parameter[] => {
  const named = new Map<string, Parameter>();
  for (const parameter of parameters) {
    const key =
      'in' in parameter && parameter.in === 'header'
        ? `header ${parameter.name.toLowerCase()}`
        : JSON.stringify(parameter);
    named.set(key, parameter);
  }
  return [...named.values()];
};

/** Gives each error of each operation the body that it really has, and any other error one too. */
export const describeProblems = (document: OpenAPIObject): OpenAPIObject => {
  document.components ??= {};
  document.components.schemas = { ...document.components.schemas, Problem: PROBLEM };
  for (const operation of operationsOf(document)) {
    for (const [status, response] of Object.entries(operation.responses)) {
      if (Number(status) >= 400 && response && !('$ref' in response)) response.content = content;
    }
    operation.responses['default'] ??= { description: 'Any other error', content };
    if (operation.parameters) operation.parameters = withoutTwins(operation.parameters);
  }
  return document;
};
