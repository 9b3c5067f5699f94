import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Config } from '../config/index.js';
import { OpenApiParts } from '../platform/index.js';
import { builtInWorkflows } from './workflows/index.js';
import type { ParameterSchema, Workflow } from './workflows/workflow.js';
import { Workflows } from './workflows.service.js';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['post']>;
type Body = Exclude<Operation['requestBody'], undefined>;
type Schema = Record<string, unknown>;

const ANY = '/v1/comfy/workflows/{id}/jobs';
const EXAMPLE_FILE_ID = '0b0f6a52-6f0e-4d44-9b1a-2f6c9d6a8f10';

/** OpenAPI 3.0 knows one `example` per schema. */
const published = (schema: ParameterSchema): Schema =>
  Object.fromEntries(Object.entries(schema).filter(([keyword]) => keyword !== 'examples'));

const inForm = (schema: ParameterSchema): Schema =>
  schema.type === 'array'
    ? { type: 'string', description: schema.description, example: String(schema.example) }
    : published(schema);

const schemaOf = (properties: Schema, required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
  additionalProperties: false,
});

const fileIds = (inputs: Workflow['inputs']): Schema =>
  Object.fromEntries(
    inputs.map(({ field, description }) => [
      field,
      { type: 'string', format: 'uuid', description, example: EXAMPLE_FILE_ID },
    ]),
  );

const jsonSchema = ({ inputs, parameters, requiredParameters }: Workflow): Schema =>
  schemaOf(
    {
      ...fileIds(inputs),
      ...Object.fromEntries(
        Object.entries(parameters).map(([name, schema]) => [name, published(schema)]),
      ),
    },
    [...inputs.filter((one) => one.isRequired).map((one) => one.field), ...requiredParameters],
  );

/** The form has the picture itself; further pictures are saved files, as in JSON. */
const formSchema = ({ inputs, parameters, requiredParameters }: Workflow): Schema => {
  const further = inputs.filter(({ role }) => role !== 'image');
  return schemaOf(
    {
      image: { type: 'string', format: 'binary', description: 'The picture itself' },
      ...fileIds(further),
      ...Object.fromEntries(
        Object.entries(parameters).map(([name, schema]) => [name, inForm(schema)]),
      ),
    },
    [
      'image',
      ...further.filter((one) => one.isRequired).map((one) => one.field),
      ...requiredParameters,
    ],
  );
};

/** A request of each workflow; one for each value of a parameter that has several examples. */
const requestExamples = ({ inputs, parameters }: Workflow) => {
  const plain = {
    ...Object.fromEntries(
      inputs.filter((one) => one.isRequired).map((one) => [one.field, EXAMPLE_FILE_ID]),
    ),
    ...Object.fromEntries(
      Object.entries(parameters)
        .filter(([, schema]) => schema.example !== undefined)
        .map(([name, schema]) => [name, schema.example]),
    ),
  };
  const various = Object.entries(parameters).flatMap(([name, { examples = [] }]) =>
    examples.map((example) => ({ ...plain, [name]: example })),
  );
  const all = various.length > 0 ? various : [plain];
  return Object.fromEntries(all.map((value, at) => [`example${at + 1}`, { value }]));
};

const bodyOf = (workflow: Workflow): Body => ({
  required: true,
  content: {
    'application/json': { schema: jsonSchema(workflow), examples: requestExamples(workflow) },
    'multipart/form-data': { schema: formSchema(workflow) },
  },
});

const anyBody: Body = {
  required: true,
  description: 'As the workflow wants it: see its parameters in GET /v1/comfy/workflows',
  content: {
    'application/json': {
      schema: { type: 'object', additionalProperties: true },
      example: { imageId: EXAMPLE_FILE_ID, prompt: 'on a white marble table' },
    },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: { image: { type: 'string', format: 'binary' } },
        additionalProperties: true,
      },
    },
  },
};

/** The route of a workflow that has none of its own: that of any workflow with its id filled in. */
const ownRoute = (any: Operation, workflow: Workflow): PathItem => ({
  post: {
    ...any,
    operationId: `order_${workflow.id.replaceAll('-', '_')}`,
    summary: workflow.title,
    description: workflow.description,
    parameters: (any.parameters ?? []).filter((one) => !('in' in one) || one.in !== 'path'),
    requestBody: bodyOf(workflow),
  },
});

/** Fills in the bodies of the ordering routes and adds those of the operator's own workflows. */
const describeWorkflows = ({ paths }: OpenAPIObject, workflows: readonly Workflow[]): void => {
  const any = paths[ANY]?.post;
  if (!any) return;
  any.requestBody = anyBody;
  for (const workflow of workflows) {
    const route = paths[`/v1/comfy/${workflow.id}`]?.post;
    if (route) route.requestBody = bodyOf(workflow);
    else paths[ANY.replace('{id}', workflow.id)] = ownRoute(any, workflow);
  }
};

/** The same for a document that is made without a running application: the built-in workflows. */
export const describeBuiltInWorkflows = (document: OpenAPIObject, config: Config): void =>
  describeWorkflows(document, builtInWorkflows(config.comfy));

/** Puts the workflows of this installation into its OpenAPI document. */
@Injectable()
export class WorkflowDocs implements OnModuleInit {
  constructor(
    private readonly workflows: Workflows,
    private readonly parts: OpenApiParts,
  ) {}

  onModuleInit(): void {
    this.parts.add((document) => describeWorkflows(document, this.workflows.all()));
  }
}
