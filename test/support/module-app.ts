import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Global, Module, type DynamicModule, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { AUTH_MIGRATIONS, AuthGuard, AuthModule, People } from '../../src/auth/index.js';
import { Config } from '../../src/config/index.js';
import {
  Database,
  DatabaseModule,
  HttpModule,
  loggerModule,
  migrate,
  OutboxModule,
  PLATFORM_MIGRATIONS,
  ProblemFilter,
  ScheduleModule,
  TelemetryModule,
  validationPipe,
  type Migration,
} from '../../src/platform/index.js';
import { testConfig } from './config.js';

const KEEP_ALIVE_MS = 60_000;
const PASSWORD = 'a cup of coffee at 7';

@Global()
@Module({})
class TestConfigModule {
  static with(config: Config): DynamicModule {
    return {
      module: TestConfigModule,
      providers: [{ provide: Config, useValue: config }],
      exports: [Config],
    };
  }
}

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

export interface Caller {
  readonly id: string;
  readonly email: string;
  /** The header that proves it. */
  readonly authorization: string;
  /** fetch of a path of the application as this person; a plain object as body becomes JSON. */
  readonly fetch: Fetch;
}

/** Modules under test with auth and the platform: real HTTP, real PostgreSQL, real logins. */
export class ModuleApp {
  private constructor(
    readonly app: NestExpressApplication,
    readonly config: Config,
    readonly url: string,
  ) {}

  static async start(options: {
    databaseUrl: string;
    migrations: readonly Migration[];
    modules: readonly DynamicModule[];
    environment?: Readonly<Record<string, string>>;
  }): Promise<ModuleApp> {
    const config = testConfig({
      DATABASE_URL: options.databaseUrl,
      DATA_DIR: await mkdtemp(path.join(tmpdir(), 'hom-module-')),
      ...options.environment,
    });
    const module = await Test.createTestingModule({
      imports: [
        TestConfigModule.with(config),
        loggerModule(),
        DatabaseModule.forRoot([...PLATFORM_MIGRATIONS, ...AUTH_MIGRATIONS, ...options.migrations]),
        OutboxModule,
        HttpModule,
        ScheduleModule,
        TelemetryModule,
        // As in the composition root, where modules to the right inject what these export.
        ...[AuthModule.forRoles(['api']), ...options.modules].map((m) => ({ ...m, global: true })),
      ],
      providers: [
        { provide: APP_PIPE, useFactory: validationPipe },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useExisting: AuthGuard },
      ],
    }).compile();
    const app = module.createNestApplication<NestExpressApplication>({ logger: false });
    await migrate(app.get(DataSource));
    // Tests pause longer on a busy machine, and fetch does not repeat a POST on a closed connection.
    const server: Server = app.getHttpServer();
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    await app.listen(0, '127.0.0.1');
    return new ModuleApp(app, config, await app.getUrl());
  }

  get<T>(token: Type<T>): T {
    return this.app.get(token, { strict: false });
  }

  get database(): Database {
    return this.get(Database);
  }

  /** A verified person who is logged in. */
  async person(
    role: 'user' | 'admin' = 'user',
    email = `${randomUUID()}@example.com`,
  ): Promise<Caller> {
    const { id } = await this.get(People).provision({ email, password: PASSWORD, role });
    const response = await fetch(`${this.url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: PASSWORD }),
    });
    const { accessToken } = (await response.json()) as { accessToken: string };
    const authorization = `Bearer ${accessToken}`;
    return {
      id,
      email,
      authorization,
      fetch: (target, init) => {
        const headers = new Headers(init?.headers);
        headers.set('authorization', authorization);
        if (typeof init?.body === 'string' && !headers.has('content-type')) {
          headers.set('content-type', 'application/json');
        }
        return fetch(new URL(target, this.url), { ...init, headers });
      },
    };
  }

  async stop(): Promise<void> {
    await this.app.close();
    await rm(this.config.process.dataDir, { recursive: true, force: true });
  }
}

/** `404 files.not_found`: how a refusal reads in an expectation. */
export const refusal = async (response: Response): Promise<string> => {
  const { code } = (await response.json()) as { code?: string };
  return `${response.status} ${code}`;
};
