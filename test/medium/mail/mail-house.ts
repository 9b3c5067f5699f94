import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApplication } from '../../../src/application.js';
import { Database } from '../../../src/platform/index.js';
import { testConfig } from '../../support/config.js';
import { mailerEnvironment } from '../../support/mailer.js';
import { testDatabase } from '../../support/postgres.js';

export interface MailHouse {
  readonly app: NestExpressApplication;
  readonly url: string;
  readonly databaseUrl: string;
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
  const databaseUrl = overrides['DATABASE_URL'] ?? (await testDatabase()).url;
  const dataDir = await mkdtemp(path.join(tmpdir(), 'hom-mail-'));
  const environment = mailerEnvironment({
    DATABASE_URL: databaseUrl,
    DATA_DIR: dataDir,
    ...overrides,
  });
  const app = await createApplication(testConfig({ ROLES: 'api,mailer', ...environment }));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    url,
    databaseUrl,
    database: app.get(Database),
    environment,
    call: async (route, { body, token, headers = {} } = {}) => {
      const [method = '', target = ''] = route.split(' ');
      const response = await fetch(`${url}${target}`, {
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
    close: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
