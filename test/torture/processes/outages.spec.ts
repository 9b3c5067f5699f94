import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { freePort } from '../../../src/embedded/ports.js';
import { startPostgres, type RunningPostgres } from '../../../src/embedded/postgres.js';
import { Fleet, FLEET_SETTINGS, FleetCustomer } from '../../support/fleet.js';
import { House, until } from '../../support/house.js';
import { eventually, mailbox, mailerEnvironment } from '../../support/mailer.js';
import { TestRedis } from '../../support/redis.js';
import { startTcpGate, type TcpGate } from '../../support/tcp-gate.js';
import { migrateTemplate } from '../../support/template.js';

const JOBS = 200;
const AWAY_MS = 5_000;
const READY_LIMIT_MS = 10_000;

let folder: string;
let port: number;
let postgres: RunningPostgres;
let redis: TestRedis;
let sqs: TcpGate;
let house: House;
let fleet: Fleet;
let person: FleetCustomer;
let mailsBefore = 0;

const launchPostgres = () =>
  startPostgres({
    folder: path.join(folder, 'postgres'),
    logFile: path.join(folder, 'postgres.log'),
    port,
    settings: { max_connections: '300' },
  });

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-outages-'));
  port = await freePort();
  postgres = await launchPostgres();
  await migrateTemplate(postgres.url());
  redis = await TestRedis.start();
  sqs = await startTcpGate(inject('queueEndpoint'));
  const mailer = mailerEnvironment({
    SQS_ENDPOINT: sqs.url,
    SQS_QUEUE_URL: `${sqs.url}/000000000000/mail-${randomUUID()}`,
  });
  house = await House.start({
    databaseUrl: postgres.url(),
    roles: 'api',
    sandboxes: 2,
    gpuMs: 100,
    environment: { ...mailer, REDIS_URL: redis.url, RATE_LIMIT_SCALE: '1000', ...FLEET_SETTINGS },
  });
  const customer = await house.customer();
  await house.leave();
  fleet = await Fleet.start(house.environment, { api: 1, worker: 2, mailer: 1 });
  person = new FleetCustomer(fleet.urls, customer);
});
afterAll(async () => {
  await fleet.stop();
  await house.stop();
  await Promise.all([redis.kill(), postgres.stop(), sqs.shut()]);
  await rm(folder, { recursive: true, force: true });
});

const isReady = async (): Promise<boolean> => {
  const response = await fetch(`${fleet.urls[0]}/health/ready`).catch(() => undefined);
  return response?.ok ?? false;
};

const endPostgres = async (signal: NodeJS.Signals): Promise<void> => {
  process.kill(postgres.pid, signal);
  await postgres.exited;
};

const OUTAGES: Readonly<Record<string, { begin(): Promise<void>; end(): Promise<void> }>> = {
  'Redis killed': { begin: () => redis.kill(), end: () => redis.startAgain() },
  'Redis flushed': { begin: () => redis.flush(), end: () => Promise.resolve() },
  'PostgreSQL restarted fast': {
    begin: () => endPostgres('SIGINT'),
    end: async () => void (postgres = await launchPostgres()),
  },
  'PostgreSQL restarted at once': {
    begin: () => endPostgres('SIGQUIT'),
    end: async () => void (postgres = await launchPostgres()),
  },
  'SQS away': { begin: () => sqs.shut(), end: () => sqs.open() },
};

it.each(Object.entries(OUTAGES))('%s in the middle of 200 jobs', async (name, outage) => {
  const ids: string[] = [];
  for (let n = 0; n < JOBS; n += 1) ids.push(await person.order(randomUUID()));
  await person.ended(ids[Math.floor(JOBS / 4)] ?? '', 50);
  await outage.begin();
  await pause(AWAY_MS);
  await outage.end();
  const back = performance.now();
  await until(isReady, READY_LIMIT_MS);
  const readyMs = performance.now() - back;
  const statuses = [];
  for (const id of ids) statuses.push(await person.ended(id));
  mailsBefore += JOBS;
  await eventually(
    async () => (await mailbox(person.customer.email)).length >= mailsBefore,
    120_000,
  );
  console.log(`${name}: ready ${readyMs.toFixed(0)} ms after its return`);
  expect(statuses).toEqual(ids.map(() => 'succeeded'));
  expect(fleet.members.filter(({ process }) => !process.isRunning)).toEqual([]);
  expect(readyMs).toBeLessThan(READY_LIMIT_MS);
});
