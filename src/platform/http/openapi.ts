import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { OpenApiParts } from './openapi-parts.js';
import { describeProblems } from './openapi-problems.js';

const DESCRIPTION = `Pictures of clothes and products in any setting, made by ComfyUI on your own GPU.

Sign up, verify the address, log in, and send the access token as \`Authorization: Bearer …\`.
Every error is \`application/problem+json\` with a stable \`code\`; \`/problems\` lists them.`;

/** `JobsController.list` → `jobsList`: unique, and good names in generated clients. */
const operationId = (controller: string, method: string): string => {
  const name = controller.replace(/Controller$/, '');
  return name[0]?.toLowerCase() + name.slice(1) + method[0]?.toUpperCase() + method.slice(1);
};

/** The OpenAPI document of all routes of this application. */
export const openApiDocument = (app: INestApplication): OpenAPIObject => {
  const info = new DocumentBuilder()
    .setTitle('House of Models API')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addBearerAuth()
    .build();
  const document = SwaggerModule.createDocument(app, info, { operationIdFactory: operationId });
  return describeProblems(app.get(OpenApiParts).complete(document));
};

/** Serves Swagger UI at /docs and the document at /openapi.json. */
export const serveOpenApi = (app: INestApplication): void =>
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    swaggerOptions: { persistAuthorization: true, tryItOutEnabled: true, tagsSorter: 'alpha' },
  });
