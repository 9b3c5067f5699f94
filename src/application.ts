import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { Logger } from 'nestjs-pino';
import { DataSource } from 'typeorm';
import { AppModule } from './app.module.js';
import type { Config } from './config/index.js';
import {
  identifyRequest,
  migrate,
  PatientServer,
  serveOpenApi,
  Shutdown,
} from './platform/index.js';

const JSON_LIMIT = '1mb';

/** The application with everything that is not a module's own: parsers, headers, documentation. */
export const createApplication = async (config: Config): Promise<NestExpressApplication> => {
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(config),
    new PatientServer(),
    {
      bufferLogs: true,
      abortOnError: false,
      // Webhooks are signed over the bytes that came.
      rawBody: true,
    },
  );
  app.useLogger(app.get(Logger));
  app.set('trust proxy', config.http.trustProxy);
  app.disable('x-powered-by');
  // Answers in JSON are as new as the question; files bring an ETag of their own.
  app.disable('etag');
  app.use(identifyRequest);
  app.use(app.get(Shutdown).leaveConnections);
  // Swagger UI and Bull Board bring their own inline scripts; the API itself serves no pages with data of others.
  app.use(
    helmet({ contentSecurityPolicy: false, crossOriginResourcePolicy: { policy: 'cross-origin' } }),
  );
  app.enableCors({
    origin: [...config.http.corsOrigins],
    exposedHeaders: [
      'Location',
      'Retry-After',
      'RateLimit',
      'RateLimit-Policy',
      'X-Request-Id',
      'ETag',
    ],
  });
  app.useBodyParser('json', { limit: JSON_LIMIT });
  try {
    if (config.process.migrateOnStart) await migrate(app.get(DataSource));
  } catch (error) {
    await app.close();
    throw error;
  }
  serveOpenApi(app);
  return app;
};
