import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApplication } from '../../../src/application.js';
import { Database } from '../../../src/platform/index.js';
import { testConfig } from '../../support/config.js';
import { mailerEnvironment } from '../../support/mailer.js';
import { testDatabase } from '../../support/postgres.js';

export interface MailHouse {
  readonly app: NestExpressApplication;
  readonly database: Database;
  readonly environment: Record<string, string>;
  call(
    route: string,
    options?: { body?: unknown; token?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }>;
  close(): Promise<void>;
}

/** The whole product with the roles api and mailer on a database and a queue of its own. */
export const startMailHouse = async (
  overrides: Readonly<Record<string, string>> = {},
): Promise<MailHouse> => {
  const { url: databaseUrl } = await testDatabase();
  const environment = mailerEnvironment({ DATABASE_URL: databaseUrl, ...overrides });
  const app = await createApplication(testConfig({ ROLES: 'api,mailer', ...environment }));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return {
    app,
    database: app.get(Database),
    environment,
    call: async (route, { body, token, headers = {} } = {}) => {
      const [method = '', path = ''] = route.split(' ');
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
      return { status: response.status, body: parsed, headers: response.headers };
    },
    close: () => app.close(),
  };
};
