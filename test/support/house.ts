import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { inject } from 'vitest';
import { createApplication } from '../../src/application.js';
import { People, type PersonRole } from '../../src/auth/index.js';
import { CreditsAudit, Ledger } from '../../src/credits/index.js';
import type { JobView } from '../../src/jobs/index.js';
import { Database } from '../../src/platform/index.js';
import { testConfig } from './config.js';
import { startSandbox, type TestSandbox, type TestSandboxOptions } from './sandbox.js';

export interface Execution {
  readonly prompt_id: string;
  /** The sandbox process that began it. */
  readonly life: number;
  readonly started: number;
  readonly ended?: number;
  readonly outcome?: string;
}

/** A fault as the sandbox's control route takes it: see src/sandbox/faults.ts. */
export type Fault = { readonly kind: string } & Readonly<Record<string, string | number>>;

const LEASE_SECONDS = '2';
const CREDITS = 100_000;

/** REDIS_URL where `npm run test:redis` runs the suite; each of its workers has a database of its own. */
export const testQueues = (): { REDIS_URL?: string } => {
  const url = inject('redisUrl');
  return url === '' ? {} : { REDIS_URL: `${url}/${process.env['VITEST_POOL_ID'] ?? '0'}` };
};

/** Where nobody answers. */
const NO_COMFYUI = 'http://127.0.0.1:1';

/** The environment of a process of the product in tests, with short leases. */
export const houseEnvironment = (options: {
  databaseUrl: string;
  dataDir: string;
  comfyUrls: readonly string[];
}): Record<string, string> => ({
  NODE_ENV: 'test',
  DATABASE_URL: options.databaseUrl,
  DATA_DIR: options.dataDir,
  COMFYUI_URLS: options.comfyUrls.join(',') || NO_COMFYUI,
  SQS_QUEUE_URL: inject('queueUrl'),
  SQS_ENDPOINT: inject('queueEndpoint'),
  SES_ENDPOINT: inject('mailboxUrl'),
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  JOB_LEASE_SECONDS: LEASE_SECONDS,
  INSTANCE_LEASE_SECONDS: LEASE_SECONDS,
  INSTANCE_GRACE: '3',
  ...testQueues(),
});

/**
 * The product in this process (roles api and worker unless told otherwise) with sandboxes of its
 * own: real HTTP, PostgreSQL, queue and sockets.
 */
export class House {
  private hasLeft = false;
  /** The process of each killed sandbox, and when it was surely dead. */
  readonly deaths = new Map<number, number>();

  private constructor(
    readonly app: NestExpressApplication,
    readonly url: string,
    readonly sandboxes: TestSandbox[],
    readonly environment: Readonly<Record<string, string>>,
    private readonly dataDir: string,
    private readonly sandboxOptions: (index: number) => TestSandboxOptions,
  ) {}

  static async start(options: {
    databaseUrl: string;
    roles?: string;
    sandboxes?: number;
    /** Data folders of the sandboxes, which the caller removes; folders of their own by default. */
    sandboxDirs?: readonly string[];
    /** What every sampler takes, painting plain grey; `painted`: real pictures at their own pace. */
    gpuMs?: number | 'painted';
    environment?: Readonly<Record<string, string>>;
  }): Promise<House> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'hom-house-'));
    const { gpuMs = 50 } = options;
    const optionsOf = (index: number): TestSandboxOptions => {
      const own = options.sandboxDirs?.[index] ?? path.join(dataDir, `sandbox-${index}`);
      const log = `--execution-log=${path.join(dataDir, `executions-${index}.jsonl`)}`;
      const args = [log, ...(gpuMs === 'painted' ? [] : ['--gpu-ms', String(gpuMs)])];
      mkdirSync(own, { recursive: true });
      return { control: true, args, dataDir: own };
    };
    const sandboxes = await Promise.all(
      Array.from({ length: options.sandboxes ?? 1 }, (_, index) => startSandbox(optionsOf(index))),
    );
    const environment = {
      ...houseEnvironment({
        databaseUrl: options.databaseUrl,
        dataDir,
        comfyUrls: sandboxes.map(({ url }) => url),
      }),
      ...options.environment,
    };
    const app = await createApplication(
      testConfig({ ...environment, ROLES: options.roles ?? 'api,worker' }),
    );
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const house = new House(app, url, sandboxes, environment, dataDir, optionsOf);
    const hasLanes = sandboxes.length > 0 && (options.roles ?? 'worker').includes('worker');
    if (hasLanes) await house.untilReady();
    return house;
  }

  get database(): Database {
    return this.app.get(Database);
  }

  /** A GPU that was seen once and is merely down: orders for product backgrounds are taken and wait. */
  async addAwayInstance(id = 'away'): Promise<void> {
    await this.database.query(
      `INSERT INTO instances (id, url, state, ever_workflows) VALUES ($1, 'http://away', 'down', '{product-backgrounds}')`,
      [id],
    );
  }

  async untilReady(): Promise<void> {
    await until(async () => {
      const row = await this.database.one<{ ready: boolean }>(
        `SELECT bool_and(state = 'ready') AS ready FROM instances`,
      );
      return row?.ready ?? false;
    });
  }

  /** `kill -9` of a sandbox, and a new one at its address `awayMs` later. */
  async crash(index = 0, { awayMs = 0, args = [] as readonly string[] } = {}): Promise<void> {
    await this.kill(index);
    await sleep(awayMs);
    await this.revive(index, args);
  }

  async kill(index: number): Promise<void> {
    const { pid } = this.sandboxes[index]!;
    await this.sandboxes[index]!.kill();
    this.deaths.set(pid, Date.now());
  }

  /** Starts a killed sandbox again, at its address and with its data. */
  async revive(index: number, args: readonly string[] = []): Promise<void> {
    const { port } = new URL(this.sandboxes[index]!.url);
    const options = this.sandboxOptions(index);
    this.sandboxes[index] = await startSandbox({
      ...options,
      port: Number(port),
      args: [...(options.args ?? []), ...args],
    });
  }

  async fault(fault: Fault, sandbox = 0): Promise<void> {
    const response = await fetch(`${this.sandboxes[sandbox]!.url}/__control/faults`, {
      method: 'POST',
      body: JSON.stringify(fault),
    });
    if (!response.ok) throw new Error(`The fault ${fault.kind} was not taken.`);
  }

  /** Of one sandbox, or of all. */
  async clearFaults(sandbox?: number): Promise<void> {
    for (const { url } of sandbox === undefined ? this.sandboxes : [this.sandboxes[sandbox]!])
      await fetch(`${url}/__control/faults`, { method: 'DELETE' });
  }

  /** Those of its earlier lives too. */
  async executions(sandbox = 0): Promise<Execution[]> {
    const response = await fetch(`${this.sandboxes[sandbox]!.url}/__control/executions`);
    return (await response.json()) as Execution[];
  }

  /** A verified person with plenty of credits and one saved picture. */
  async customer(role: PersonRole = 'user'): Promise<Customer> {
    const email = `${randomUUID()}@example.com`;
    const password = 'a cup of coffee at 7';
    const { id } = await this.app.get(People).provision({ email, password, role });
    await this.app.get(Ledger).grant({ userId: id, amount: CREDITS, reason: 'test' });
    const login = await fetch(`${this.url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    });
    const { accessToken } = (await login.json()) as { accessToken: string };
    const customer = new Customer(this, id, accessToken, email);
    await customer.upload();
    return customer;
  }

  /** What must hold whenever no job is open; the list of what does not. */
  async faultsInLedger(): Promise<unknown[]> {
    return this.app.get(CreditsAudit).findDrift();
  }

  /** Ends the product in this process; its sandboxes and files stay, for processes apart. */
  async leave(): Promise<void> {
    if (this.hasLeft) return;
    this.hasLeft = true;
    await this.app.close();
  }

  async stop(): Promise<void> {
    await this.leave();
    await Promise.all(this.sandboxes.map((sandbox) => sandbox.stop()));
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

export class Customer {
  imageId = '';

  constructor(
    private readonly house: House,
    readonly id: string,
    readonly token: string,
    readonly email: string,
  ) {}

  fetch(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.token}`);
    if (typeof init.body === 'string') headers.set('content-type', 'application/json');
    return fetch(new URL(target, this.house.url), { ...init, headers });
  }

  async json<T>(target: string, init: RequestInit = {}): Promise<T> {
    const response = await this.fetch(target, init);
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`${target}: ${response.status} ${JSON.stringify(body)}`);
    return body as T;
  }

  async upload(): Promise<void> {
    this.imageId = await this.save(await readFile('samples/product-coffee-cup.png'));
  }

  /** Saves a picture; returns its id. */
  async save(bytes: Buffer): Promise<string> {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(bytes)]), 'picture');
    return (await this.json<{ id: string }>('/v1/files', { method: 'POST', body: form })).id;
  }

  order(
    fields: Readonly<Record<string, unknown>> = {},
    headers: Record<string, string> = {},
  ): Promise<JobView> {
    return this.json('/v1/comfy/product-backgrounds', {
      method: 'POST',
      headers,
      body: JSON.stringify({ imageId: this.imageId, prompt: 'on white marble', ...fields }),
    });
  }

  /** Orders one of the operator's own workflows. */
  orderOwn(workflow: string, fields: Readonly<Record<string, unknown>> = {}): Promise<JobView> {
    return this.json(`/v1/comfy/workflows/${workflow}/jobs`, {
      method: 'POST',
      body: JSON.stringify({ imageId: this.imageId, ...fields }),
    });
  }

  /** Orders a tool with the given fields. */
  orderTool(tool: string, fields: Readonly<Record<string, unknown>>): Promise<JobView> {
    return this.json(`/v1/tools/${tool}`, { method: 'POST', body: JSON.stringify(fields) });
  }

  job(id: string): Promise<JobView> {
    return this.json(`/v1/jobs/${id}`);
  }

  async ended(id: string, limitMs = 30_000): Promise<JobView> {
    return this.reaches(
      id,
      (job) => ['succeeded', 'failed', 'cancelled'].includes(job.status),
      limitMs,
    );
  }

  async reaches(
    id: string,
    isThere: (job: JobView) => boolean,
    limitMs = 30_000,
  ): Promise<JobView> {
    let job = await this.job(id);
    await until(async () => {
      job = await this.job(id);
      return isThere(job);
    }, limitMs);
    return job;
  }

  credits(): Promise<{ available: number; reserved: number }> {
    return this.json('/v1/credits');
  }
}

/** Asks again and again; throws when the answer is still no after `limitMs`. */
export const until = async (ask: () => Promise<boolean>, limitMs = 30_000): Promise<void> => {
  const deadline = Date.now() + limitMs;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`Not reached within ${limitMs} ms.`);
    await sleep(50);
  }
};
