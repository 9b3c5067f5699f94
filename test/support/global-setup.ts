/**
 * One PostgreSQL (without fsync), one SQS and one SES stand-in for the whole run of tests, whichever
 * projects it has. Specs reach them through `testDatabase`, `inject('queueEndpoint')` and the like.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { ProvidedContext } from 'vitest';
import type { TestProject } from 'vitest/node';
import { startNodeService } from '../../src/embedded/node-service.js';
import { startPostgres } from '../../src/embedded/postgres.js';
import type { ServicesOptions } from '../../src/embedded/services-protocol.js';
import { TestRedis } from './redis.js';
import { migrateTemplate } from './template.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's own database, to make others from. */
    postgresUrl: string;
    /** SQS, and a queue with a dead-letter queue there that all specs share. */
    queueEndpoint: string;
    queueUrl: string;
    /** SES; its `GET /store` lists the mails of all specs. */
    mailboxUrl: string;
    /** Where `npm run test:redis` keeps the queues; empty: they live in PostgreSQL. */
    redisUrl: string;
  }
}

interface Shared {
  provided: Record<keyof ProvidedContext, string>;
  stop(): Promise<void>;
}

/** Each project loads this file for itself; what they share is kept by the process. */
const shelf: { sharedTestServices?: { starting: Promise<Shared>; users: number } } & object =
  globalThis as object;

export async function setup(project: TestProject): Promise<void> {
  shelf.sharedTestServices ??= { starting: start(), users: 0 };
  shelf.sharedTestServices.users++;
  const { provided } = await shelf.sharedTestServices.starting;
  project.provide('postgresUrl', provided.postgresUrl);
  project.provide('queueEndpoint', provided.queueEndpoint);
  project.provide('queueUrl', provided.queueUrl);
  project.provide('mailboxUrl', provided.mailboxUrl);
  project.provide('redisUrl', provided.redisUrl);
}

export async function teardown(): Promise<void> {
  const shared = shelf.sharedTestServices;
  if (!shared || --shared.users > 0) return;
  delete shelf.sharedTestServices;
  await (await shared.starting).stop();
}

async function start(): Promise<Shared> {
  // Children run from dist; type errors elsewhere are for `npm run check` to report.
  spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const folder = await mkdtemp(path.join(tmpdir(), 'hom-test-'));
  const options: ServicesOptions = {
    dataDir: folder,
    sqs: { port: 0, isFixed: false },
    mailbox: { port: 0, isFixed: false },
  };
  const [redis, postgres, services] = await Promise.all([
    process.env['TEST_REDIS'] ? TestRedis.start() : undefined,
    startPostgres({
      folder: path.join(folder, 'postgres'),
      logFile: path.join(folder, 'postgres.log'),
      settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300' },
    }),
    startNodeService({
      program: 'embedded/services.js',
      args: [JSON.stringify(options)],
      nodeFlags: ['--disable-warning=ExperimentalWarning'],
      logFile: path.join(folder, 'services.log'),
    }),
  ]);
  await makeTemplate(postgres.url(), postgres.url('template'));
  const { sqs = '', queueUrl = '', mailbox = '' } = services.ready;
  return {
    provided: {
      postgresUrl: postgres.url(),
      queueEndpoint: sqs,
      queueUrl,
      mailboxUrl: mailbox,
      redisUrl: redis?.url ?? '',
    },
    stop: async () => {
      await Promise.all([redis?.kill(), postgres.stop(), services.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeTemplate(serverUrl: string, templateUrl: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  await client.query('CREATE DATABASE template');
  await client.end();
  await migrateTemplate(templateUrl);
}
