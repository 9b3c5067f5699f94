import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../src/embedded/ports.js';
import type { JobView } from '../../src/jobs/index.js';
import type { Customer } from './house.js';
import { WorkerProcess } from './workers.js';

export type Role = 'api' | 'worker' | 'mailer';

interface Member {
  readonly role: Role;
  readonly environment: Readonly<Record<string, string>>;
  process: WorkerProcess;
}

const RETRY_MS = 50;
const PATIENCE_MS = 60_000;

/** For the process that logs the customers in as well: their tokens must hold everywhere. */
export const FLEET_SETTINGS = {
  // Tokens name it as their issuer.
  PUBLIC_URL: 'http://fleet.test',
  JWT_KEY: 'fleet-jwt-key-0123456789-0123456789',
  LINK_KEY: 'fleet-link-key-0123456789-0123456789',
  // Their GPUs sleep: two processors are too few to really cut out as many products.
  WORKFLOWS_DIR: path.resolve('bench/workflows'),
};

/** Processes of the product with one role each, all on the services that the environment names. */
export class Fleet {
  private constructor(
    readonly members: readonly Member[],
    /** Where its API processes answer, also after their restarts. */
    readonly urls: readonly string[],
  ) {}

  static async start(
    environment: Readonly<Record<string, string>>,
    size: Readonly<Record<Role, number>>,
  ): Promise<Fleet> {
    const places: { role: Role; environment: Readonly<Record<string, string>> }[] = [];
    const urls: string[] = [];
    for (const role of ['api', 'worker', 'mailer'] as const) {
      for (let n = 0; n < size[role]; n += 1) {
        const port = await freePort();
        if (role === 'api') urls.push(`http://127.0.0.1:${port}`);
        places.push({ role, environment: { ...environment, PORT: String(port) } });
      }
    }
    const members = await Promise.all(
      places.map(async ({ role, environment: own }) => ({
        role,
        environment: own,
        process: await WorkerProcess.start(own, role),
      })),
    );
    return new Fleet(members, urls);
  }

  /** A planned restart of one of them: how its stop ended, and how long it took. */
  async restart(member: Member): Promise<{ exitCode: number | null; stopMs: number }> {
    const begun = performance.now();
    const exitCode = await member.process.stop();
    const stopMs = performance.now() - begun;
    member.process = await WorkerProcess.start(member.environment, member.role);
    return { exitCode, stopMs };
  }

  /** Safe to repeat. */
  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ process }) => process.stop()));
  }
}

/** An answer that no repeat will change. */
class Refused extends Error {}

const isRefused = (error: unknown): boolean =>
  error instanceof TypeError && (error.cause as NodeJS.ErrnoException).code === 'ECONNREFUSED';

/** A customer whose client knows several API addresses and tries the next when one refuses. */
export class FleetCustomer {
  /** Every request that failed in another way than by a refused connection. */
  readonly failures: string[] = [];
  private turn = 0;
  private salt = Math.floor(Math.random() * 900_000);

  constructor(
    private readonly urls: readonly string[],
    readonly customer: Customer,
  ) {}

  async fetch(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.customer.token}`);
    if (typeof init.body === 'string') headers.set('content-type', 'application/json');
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const url = new URL(target, this.urls[this.turn++ % this.urls.length]);
      try {
        const response = await fetch(url, { ...init, headers });
        if (response.status >= 400 && response.status < 500) {
          throw new Refused(`${response.status}: ${await response.text()}`);
        }
        if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
        return response;
      } catch (error) {
        if (error instanceof Refused) throw error;
        if (!isRefused(error)) {
          this.failures.push(
            `${init.method ?? 'GET'} ${target}: ${String(error)} (${String((error as Error).cause)})`,
          );
        }
        if (Date.now() > deadline) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  /** Repeats of one key are one order. The GPU sleeps for `gpuMs`. */
  async order(key: string, gpuMs: number): Promise<string> {
    this.salt += 1;
    const response = await this.fetch('/v1/comfy/workflows/bench-gpu/jobs', {
      method: 'POST',
      headers: { 'idempotency-key': key },
      body: JSON.stringify({ imageId: this.customer.imageId, sleepMs: gpuMs, salt: this.salt }),
    });
    return ((await response.json()) as { id: string }).id;
  }

  /** The job's last status; of a success only with its one picture. */
  async ended(id: string, everyMs = 300): Promise<string> {
    for (;;) {
      const response = await this.fetch(`/v1/jobs/${id}`);
      const { status, outputs } = (await response.json()) as Pick<JobView, 'status' | 'outputs'>;
      if (status === 'succeeded' && !outputs[0]?.file) return 'succeeded without a picture';
      if (['succeeded', 'failed', 'cancelled'].includes(status)) return status;
      await pause(everyMs);
    }
  }
}
