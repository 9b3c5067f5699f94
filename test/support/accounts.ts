import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import {
  Global,
  Module,
  type DynamicModule,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { Logger } from 'nestjs-pino';
import { DataSource } from 'typeorm';
import {
  AccountLinks,
  AUTH_MIGRATIONS,
  AuthGuard,
  AuthModule,
  People,
  type PersonRole,
} from '../../src/auth/index.js';
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
  RateLimitGuard,
  TelemetryModule,
  validationPipe,
} from '../../src/platform/index.js';
import { testConfig } from './config.js';
import { testDatabase } from './postgres.js';

export const PASSWORD = 'a cup of coffee at 7';

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, or the text where it is none. */
  readonly body: Body;
}

export interface Call {
  readonly body?: unknown;
  readonly token?: string | undefined;
  readonly headers?: Record<string, string>;
}

export interface TestPerson {
  readonly id: string;
  readonly email: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** The class of a module under test beside auth, for `startAccounts`. */
type TestModule = Type | DynamicModule;

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

/** A running API over HTTP, with short words for what every account test does. */
export class AccountsApi {
  constructor(
    readonly app: INestApplication,
    readonly url: string,
    readonly databaseUrl: string,
  ) {}

  get database(): Database {
    return this.app.get(Database);
  }

  async call<Body = Record<string, unknown>>(
    route: string,
    { body, token, headers = {} }: Call = {},
  ): Promise<Answer<Body>> {
    const [method = '', path = ''] = route.split(' ');
    const response = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const parsed = (isJson ? JSON.parse(text) : text) as Body;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  /** The mails ordered so far, oldest first. */
  mails(
    address?: string,
  ): Promise<{ kind: string; address: string; linkId?: string; personId: string }[]> {
    return this.database
      .query<{ payload: { kind: string; address: string; linkId?: string; personId: string } }>(
        `SELECT payload FROM outbox WHERE topic = 'account.mail-requested'
           AND ($1::text IS NULL OR payload->>'address' = $1) ORDER BY sequence`,
        [address ?? null],
      )
      .then((rows) => rows.map((row) => row.payload));
  }

  /** Waits until `count` mails for this address are ordered. */
  async mailsOnce(address: string, count: number): ReturnType<AccountsApi['mails']> {
    for (let left = 100; left > 0; left--) {
      const mails = await this.mails(address);
      if (mails.length >= count) return mails;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`Fewer than ${count} mails for ${address}.`);
  }

  /** The token in the newest link for this address. */
  async newestToken(address: string): Promise<string> {
    const linkId = (await this.mails(address)).findLast((mail) => mail.linkId)?.linkId;
    if (!linkId) throw new Error(`No mail with a link for ${address}.`);
    const { url } = await this.app.get(AccountLinks).urlOf(linkId);
    return new URL(url).searchParams.get('token') ?? '';
  }

  /** The tables in which this text stands, in any column. */
  async tablesWith(text: string): Promise<string[]> {
    const tables = await this.database.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const rows = await this.database.query(
        `SELECT 1 FROM "${name}" t WHERE strpos(t::text, $1) > 0 LIMIT 1`,
        [text],
      );
      if (rows.length > 0) found.push(name);
    }
    return found;
  }

  async register(email = `${randomUUID()}@example.com`, password = PASSWORD): Promise<string> {
    await this.call('POST /v1/auth/register', { body: { email, password } });
    return email;
  }

  /** A verified person who is logged in. */
  async signUp(email?: string): Promise<TestPerson> {
    const address = await this.register(email);
    const token = await this.newestToken(address);
    const { body } = await this.call<TestPerson>('POST /v1/auth/verify', { body: { token } });
    const me = await this.call('GET /v1/me', { token: body.accessToken });
    return { ...body, id: String(me.body['id']), email: address };
  }

  async logIn(email: string, password = PASSWORD): Promise<Answer<TestPerson>> {
    return this.call<TestPerson>('POST /v1/auth/login', { body: { email, password } });
  }

  /** A person made by the operator, logged in. */
  async provision(role: PersonRole): Promise<TestPerson> {
    const email = `${role}-${randomUUID()}@example.com`;
    const { id } = await this.app.get(People).provision({ email, password: PASSWORD, role });
    const { body } = await this.logIn(email);
    return { ...body, id, email };
  }
}

/** auth alone with the platform, on a database of its own unless one is named, on 127.0.0.1. */
export const startAccounts = async (
  environment: Readonly<Record<string, string>> = {},
  modules: readonly TestModule[] = [],
): Promise<AccountsApi> => {
  const databaseUrl = environment['DATABASE_URL'] ?? (await testDatabase()).url;
  const config = testConfig({ DATABASE_URL: databaseUrl, ...environment });
  const testing = await Test.createTestingModule({
    imports: [
      TestConfigModule.with(config),
      loggerModule(),
      DatabaseModule.forRoot([...PLATFORM_MIGRATIONS, ...AUTH_MIGRATIONS]),
      OutboxModule,
      HttpModule,
      TelemetryModule,
      AuthModule.forRoles(['api']),
      ...modules,
    ],
    providers: [
      { provide: APP_PIPE, useFactory: validationPipe },
      { provide: APP_FILTER, useClass: ProblemFilter },
      { provide: APP_GUARD, useExisting: AuthGuard },
      { provide: APP_GUARD, useExisting: RateLimitGuard },
    ],
  }).compile();
  const app = testing.createNestApplication<NestExpressApplication>({ bufferLogs: true });
  app.useLogger(app.get(Logger));
  app.set('trust proxy', config.http.trustProxy);
  await migrate(app.get(DataSource));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  return new AccountsApi(app, `http://127.0.0.1:${port}`, databaseUrl);
};
