import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../src/embedded/ports.js';
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
    const members: Member[] = [];
    const urls: string[] = [];
    for (const role of ['api', 'worker', 'mailer'] as const) {
      for (let n = 0; n < size[role]; n += 1) {
        const port = await freePort();
        const own = { ...environment, PORT: String(port) };
        if (role === 'api') urls.push(`http://127.0.0.1:${port}`);
        members.push({ role, environment: own, process: await WorkerProcess.start(own, role) });
      }
    }
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
          this.failures.push(`${init.method ?? 'GET'} ${target}: ${String(error)}`);
        }
        if (Date.now() > deadline) throw error;
        await pause(RETRY_MS);
      }
    }
  }

  /** Repeats of one key are one order. */
  async order(key: string): Promise<string> {
    const response = await this.fetch('/v1/comfy/product-backgrounds', {
      method: 'POST',
      headers: { 'idempotency-key': key },
      body: JSON.stringify({ imageId: this.customer.imageId, prompt: 'on white marble' }),
    });
    return ((await response.json()) as { id: string }).id;
  }

  /** The job's last status. */
  async ended(id: string, everyMs = 300): Promise<string> {
    for (;;) {
      const { status } = (await (await this.fetch(`/v1/jobs/${id}`)).json()) as { status: string };
      if (['succeeded', 'failed', 'cancelled'].includes(status)) return status;
      await pause(everyMs);
    }
  }
}
