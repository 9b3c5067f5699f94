import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { OpenApiParts } from './openapi-parts.js';

const DESCRIPTION = `Pictures of clothes and products in any setting, made by ComfyUI on your own GPU.

Sign up, verify the address, log in, and send the access token as \`Authorization: Bearer …\`.
Every error is \`application/problem+json\` with a stable \`code\`; \`/problems\` lists them.`;

/** The OpenAPI document of all routes of this application. */
export const openApiDocument = (app: INestApplication): OpenAPIObject =>
  app
    .get(OpenApiParts)
    .complete(
      SwaggerModule.createDocument(
        app,
        new DocumentBuilder()
          .setTitle('House of Models API')
          .setDescription(DESCRIPTION)
          .setVersion('1')
          .addBearerAuth()
          .build(),
        { operationIdFactory: (_controller, method) => method },
      ),
    );

/** Serves Swagger UI at /docs and the document at /openapi.json. */
export const serveOpenApi = (app: INestApplication): void =>
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'openapi.json',
    swaggerOptions: { persistAuthorization: true, tryItOutEnabled: true },
  });
