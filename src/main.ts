import 'reflect-metadata';
import path from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApplication } from './application.js';
import { People } from './auth/index.js';
import {
  Config,
  ConfigError,
  processEnvironment,
  readStartSettings,
  type Environment,
  type StartSettings,
} from './config/index.js';
import {
  DataDirInUse,
  embeddedSecrets,
  EmbeddedError,
  lockDataDir,
  startEmbedded,
  writeRuntime,
  type Embedded,
  type EmbeddedService,
} from './embedded/index.js';
import { HealthChecks, Shutdown } from './platform/index.js';

const STOP_LIMIT_MS = 9_500;
const READY_POLL_MS = 50;

/** What the environment does not name, and so is started inside. */
const missingServices = (environment: Environment): EmbeddedService[] => {
  const needs: readonly (readonly [EmbeddedService, ...string[]])[] = [
    ['postgres', 'DATABASE_URL'],
    ['sqs', 'SQS_QUEUE_URL'],
    ['ses', 'SES_ENDPOINT'],
    ['comfyui', 'COMFYUI_URLS'],
    // A key alone already means the real provider.
    ['tripo', 'TRIPO_BASE_URL', 'TRIPO_API_KEY'],
    ['tryon', 'TRYON_URL', 'TRYON_TOKEN'],
  ];
  return needs
    .filter(([, ...names]) => names.every((name) => !environment[name]?.trim()))
    .map(([service]) => service);
};

interface Surroundings {
  readonly environment: Environment;
  readonly embedded: Embedded | undefined;
  /** Makes the accounts that the embedded default brings; returns what the operator should know. */
  furnish(app: NestExpressApplication): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Production, or a single role: everything is named by the environment. */
const external = (environment: Environment): Surroundings => ({
  environment,
  embedded: undefined,
  furnish: () => Promise.resolve([]),
  close: () => Promise.resolve(),
});

/**
 * The account's password, as words for the operator. One that the environment names holds from each
 * start on; a made-up one only until its owner changes it.
 */
const furnishAccount = async (
  people: People,
  role: 'admin' | 'user',
  name: string,
  { email, password }: StartSettings['admin'],
  madeUp: string,
): Promise<string> => {
  if (password !== undefined) {
    const account = { email, password, role, name };
    // To provision an account ends its sessions, which a mere restart should not.
    if (!(await people.provisionOnce(account))) await people.provision(account);
    return password;
  }
  const isUnchanged = await people.provisionOnce({ email, password: madeUp, role, name });
  return isUnchanged ? madeUp : '(its password was changed)';
};

const startSurroundings = async (
  given: Environment,
  settings: StartSettings,
): Promise<Surroundings> => {
  const { dataDir, admin, demo } = settings;
  if (settings.isProduction || settings.roles.length < 3) return external(given);
  const lock = await lockDataDir(dataDir);
  try {
    const secrets = await embeddedSecrets(dataDir);
    const embedded = await startEmbedded({
      dataDir,
      services: missingServices(given),
      mailboxPort: settings.mailboxPort,
      apiPort: settings.port,
      tryOnProvider: given['TRYON_PROVIDER']?.trim(),
      log: (line) => console.error(line),
    });
    const environment = {
      JWT_KEY: secrets.jwtKey,
      LINK_KEY: secrets.linkKey,
      LOG_FILE: path.join(dataDir, 'logs', 'server.log'),
      ...embedded.environment,
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value?.trim())),
    };
    const mailbox = embedded.environment['MAILBOX_URL'];
    return {
      environment,
      embedded,
      furnish: async (app) => {
        const people = app.get(People);
        const passwords = {
          admin: await furnishAccount(people, 'admin', 'Admin', admin, secrets.adminPassword),
          demo: await furnishAccount(people, 'user', 'Demo', demo, secrets.demoPassword),
        };
        await writeRuntime(dataDir, {
          pid: process.pid,
          apiUrl: await app.getUrl().then(loopbackUrl),
          ...(mailbox && { mailboxUrl: mailbox }),
          ...embedded.environment,
        });
        return [
          ...(mailbox ? [`  Mailbox      ${mailbox}`] : []),
          `  Admin        ${admin.email}  ${passwords.admin}`,
          `  Demo account ${demo.email}  ${passwords.demo}`,
          `  Data, logs   ${dataDir}`,
        ];
      },
      close: async () => {
        await embedded.stop();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
};

const loopbackUrl = (url: string): string =>
  url.replace(/\/\/(\[::1?\]|0\.0\.0\.0|127\.0\.0\.1)/, '//localhost');

const waitUntilReady = async (app: NestExpressApplication): Promise<void> => {
  const health = app.get(HealthChecks);
  while (!(await health.run()).ok)
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
};

/** Stops in order, once: readiness red, requests and jobs handed over, then what was started inside. */
const stopOnSignal = (app: NestExpressApplication, surroundings: Surroundings): void => {
  let isStopping = false;
  const stop = async (): Promise<void> => {
    app.get(Shutdown).begin();
    await app.close();
    await surroundings.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }
};

const start = async (): Promise<void> => {
  const given = processEnvironment();
  const settings = readStartSettings(given);
  const surroundings = await startSurroundings(given, settings);
  let app: NestExpressApplication | undefined;
  try {
    const config = Config.from(surroundings.environment);
    app = await createApplication(config);
    stopOnSignal(app, surroundings);
    await app.listen(config.http.port, config.http.host);
    const notes = await surroundings.furnish(app);
    await waitUntilReady(app);
    const url = config.process.isProduction
      ? config.http.publicUrl
      : loopbackUrl(await app.getUrl());
    const lines = [
      `ready: House of Models API (${config.process.roles.join(', ')})`,
      ...(config.process.roles.includes('api')
        ? [
            `  API          ${url}/v1`,
            `  Swagger UI   ${url}/docs`,
            `  Bull Board   ${url}/admin/queues  (log in as the admin)`,
          ]
        : [`  Health       ${loopbackUrl(await app.getUrl())}/health/ready`]),
      ...notes,
    ];
    console.log(lines.join('\n'));
  } catch (error) {
    await app?.close();
    await surroundings.close();
    throw error;
  }
};

const isExpected = (error: unknown): error is Error =>
  error instanceof ConfigError ||
  error instanceof DataDirInUse ||
  error instanceof EmbeddedError ||
  (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE');

const explain = (error: Error): string =>
  'code' in error && error.code === 'EADDRINUSE'
    ? `PORT is in use by another program (${error.message}); set PORT to a free one.`
    : error.message;

start().catch((error: unknown) => {
  console.error(isExpected(error) ? explain(error) : error);
  process.exit(1);
});
