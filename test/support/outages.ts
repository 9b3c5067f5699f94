import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, inject } from 'vitest';
import { freePort } from '../../src/embedded/ports.js';
import { startPostgres, type RunningPostgres } from '../../src/embedded/postgres.js';
import { Fleet, FLEET_SETTINGS, FleetCustomer, type Role } from './fleet.js';
import { House, until, type Customer } from './house.js';
import { eventually, mailbox, mailerEnvironment } from './mailer.js';
import { TestRedis } from './redis.js';
import { startTcpGate, type TcpGate } from './tcp-gate.js';
import { migrateTemplate } from './template.js';

const GPU_MS = 100;
const READY_LIMIT_MS = 10_000;
const LOOK_PAUSE_MS = 500;

const OUTAGES = {
  'Redis killed': {
    begin: (of: OutageHouse) => of.redis.kill(),
    end: (of: OutageHouse) => of.redis.startAgain(),
  },
  'Redis flushed': { begin: (of: OutageHouse) => of.redis.flush(), end: () => Promise.resolve() },
  'PostgreSQL restarted fast': {
    begin: (of: OutageHouse) => of.endPostgres('SIGINT'),
    end: (of: OutageHouse) => of.launchPostgres(),
  },
  'PostgreSQL restarted at once': {
    begin: (of: OutageHouse) => of.endPostgres('SIGQUIT'),
    end: (of: OutageHouse) => of.launchPostgres(),
  },
  'SQS away': {
    begin: (of: OutageHouse) => of.sqs.shut(),
    end: (of: OutageHouse) => of.sqs.open(),
  },
};

export const OUTAGE_NAMES = Object.keys(OUTAGES) as readonly (keyof typeof OUTAGES)[];

/** Processes of all roles on a PostgreSQL, a Redis and an SQS that the test may take away. */
export class OutageHouse {
  private constructor(
    private readonly folder: string,
    private readonly port: number,
    private postgres: RunningPostgres,
    readonly redis: TestRedis,
    readonly sqs: TcpGate,
    private readonly house: House,
    private readonly fleet: Fleet,
    /** One for each outage: the mailbox does not keep the mails of all of them. */
    private readonly persons: ReadonlyMap<string, FleetCustomer>,
  ) {}

  static async start(size: Readonly<Record<Role, number>>, gpus: number): Promise<OutageHouse> {
    const folder = await mkdtemp(path.join(tmpdir(), 'hom-outages-'));
    const port = await freePort();
    const postgres = await launch(folder, port);
    await migrateTemplate(postgres.url());
    const redis = await TestRedis.start();
    const sqs = await startTcpGate(inject('queueEndpoint'));
    const house = await House.start({
      databaseUrl: postgres.url(),
      roles: 'api',
      sandboxes: gpus,
      environment: {
        ...mailerEnvironment({
          SQS_ENDPOINT: sqs.url,
          SQS_QUEUE_URL: `${sqs.url}/000000000000/mail-${randomUUID()}`,
        }),
        REDIS_URL: redis.url,
        RATE_LIMIT_SCALE: '1000',
        ...FLEET_SETTINGS,
      },
    });
    const customers = new Map<string, Customer>();
    for (const name of OUTAGE_NAMES) customers.set(name, await house.customer());
    await house.leave();
    const fleet = await Fleet.start(house.environment, size);
    const persons = new Map(
      [...customers].map(([name, customer]) => [name, new FleetCustomer(fleet.urls, customer)]),
    );
    return new OutageHouse(folder, port, postgres, redis, sqs, house, fleet, persons);
  }

  /**
   * Takes something away for a while in the middle of so many jobs. Checks that all of them succeed
   * with a mail each, that no process ended, and that the API is ready within 10 s of the return;
   * returns how long that took.
   */
  async suffer(name: keyof typeof OUTAGES, jobs: number, awayMs: number): Promise<number> {
    const person = this.persons.get(name)!;
    const ids: string[] = [];
    for (let n = 0; n < jobs; n += 1) ids.push(await person.order(randomUUID(), GPU_MS));
    await person.ended(ids[Math.floor(jobs / 4)] ?? '', 50);
    await OUTAGES[name].begin(this);
    await pause(awayMs);
    await OUTAGES[name].end(this);
    const back = performance.now();
    await until(() => this.isReady(), READY_LIMIT_MS);
    const readyMs = performance.now() - back;
    const statuses = [];
    for (const id of ids) statuses.push(await person.ended(id));
    await eventually(async () => {
      const mails = await mailbox(person.customer.email);
      // The whole store comes with each look.
      await pause(LOOK_PAUSE_MS);
      return mails.length >= jobs;
    }, 120_000);
    expect(statuses).toEqual(ids.map(() => 'succeeded'));
    expect(this.fleet.members.filter(({ process }) => !process.isRunning)).toEqual([]);
    expect(readyMs).toBeLessThan(READY_LIMIT_MS);
    return readyMs;
  }

  async endPostgres(signal: NodeJS.Signals): Promise<void> {
    process.kill(this.postgres.pid, signal);
    await this.postgres.exited;
  }

  async launchPostgres(): Promise<void> {
    this.postgres = await launch(this.folder, this.port);
  }

  async stop(): Promise<void> {
    await this.fleet.stop();
    await this.house.stop();
    await Promise.all([this.redis.kill(), this.postgres.stop(), this.sqs.shut()]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async isReady(): Promise<boolean> {
    const response = await fetch(`${this.fleet.urls[0]}/health/ready`).catch(() => undefined);
    return response?.ok ?? false;
  }
}

const launch = (folder: string, port: number): Promise<RunningPostgres> =>
  startPostgres({
    folder: path.join(folder, 'postgres'),
    logFile: path.join(folder, 'postgres.log'),
    port,
    settings: { max_connections: '300' },
  });
