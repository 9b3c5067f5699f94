import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { run } from './support/child.ts';
import { figure, type Figure } from './support/figure.ts';
import { withFolder } from './support/product.ts';

const SAMPLES = Number(process.env['AUTH_TIMING_SAMPLES'] ?? 500);
/** The first requests of a process are slower than all others. */
const WARM_UP = 10;
const PASSWORD = 'a cup of coffee at 7';
/** Longer than the outbox takes for what a sample leaves behind. */
const AFTERWARDS_MS = 12;

const KINDS = ['unknown', 'verified', 'unverified', 'google-only'] as const;
type Kind = (typeof KINDS)[number];
type Times = Record<Kind, number[]>;

const ROUTES = {
  login: { password: 'a wrong password' },
  register: { password: PASSWORD },
  'forgot-password': {},
  'resend-verification': {},
} as const;
type Route = keyof typeof ROUTES;

/** The chance that a random time of `left` is above a random one of `right`: 0.5 tells nothing. */
const areaUnderCurve = (left: readonly number[], right: readonly number[]): number => {
  const all = [
    ...left.map((ms) => ({ ms, isLeft: true })),
    ...right.map((ms) => ({ ms, isLeft: false })),
  ].toSorted((a, b) => a.ms - b.ms);
  const ranks = all.reduce((sum, { isLeft }, index) => sum + (isLeft ? index + 1 : 0), 0);
  return (ranks - (left.length * (left.length + 1)) / 2) / (left.length * right.length);
};

const newAddress = (): string => `${randomUUID()}@example.com`;

class Api {
  readonly #url: string;
  readonly #database: Client;

  constructor(url: string, database: Client) {
    this.#url = url;
    this.#database = database;
  }

  /** How long the answer took, in ms. */
  async ask(route: Route, email: string): Promise<number> {
    const body = JSON.stringify({ email, ...ROUTES[route] });
    const begun = performance.now();
    const response = await fetch(`${this.#url}/v1/auth/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await response.arrayBuffer();
    const ms = performance.now() - begun;
    const expected = route === 'login' ? 401 : 202;
    if (response.status !== expected) throw new Error(`${route} answered ${response.status}.`);
    return ms;
  }

  /** One address of each kind; the unknown one is new for every request. */
  async addresses(): Promise<Record<Kind, () => string>> {
    const [verified, unverified, google] = [newAddress(), newAddress(), newAddress()];
    for (const email of [verified, unverified, google]) await this.ask('register', email);
    await this.#database.query(
      `UPDATE users SET email_verified_at = now(),
         password_hash = CASE WHEN email = $2 THEN NULL ELSE password_hash END
       WHERE email IN ($1, $2)`,
      [verified, google],
    );
    return {
      unknown: newAddress,
      verified: () => verified,
      unverified: () => unverified,
      'google-only': () => google,
    };
  }
}

/** In a new random order each round, so that a slow moment hits every kind alike. */
const sample = async (api: Api, route: Route): Promise<Times> => {
  const addresses = await api.addresses();
  const times: Times = { unknown: [], verified: [], unverified: [], 'google-only': [] };
  for (let round = -WARM_UP; round < SAMPLES; round++) {
    const order = KINDS.map((kind) => ({ kind, at: Math.random() })).toSorted(
      (a, b) => a.at - b.at,
    );
    for (const { kind } of order) {
      const ms = await api.ask(route, addresses[kind]());
      if (round >= 0) times[kind].push(ms);
      await pause(AFTERWARDS_MS);
    }
  }
  return times;
};

/** A process of the API alone, with no limits and nobody who sends the mails. */
const withApi = <T>(work: (api: Api) => Promise<T>): Promise<T> =>
  withFolder(async (folder) => {
    const { startPostgres } = (await import(
      path.resolve(import.meta.dirname, '../dist/embedded/postgres.js')
    )) as typeof import('../src/embedded/postgres.js');
    const postgres = await startPostgres({
      folder: path.join(folder, 'postgres'),
      logFile: path.join(folder, 'postgres.log'),
    });
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const running = await run(process.execPath, ['dist/main.js'], {
      logFile: path.join(folder, 'api.log'),
      ready: /^ready/m,
      environment: {
        NODE_ENV: 'test',
        ROLES: 'api',
        PORT: String(port),
        DATA_DIR: folder,
        LOG_FILE: path.join(folder, 'log.jsonl'),
        DATABASE_URL: postgres.url(),
        COMFYUI_URLS: 'http://127.0.0.1:1',
        SQS_QUEUE_URL: 'http://127.0.0.1:1/mail',
        JWT_KEY: randomUUID().repeat(2),
        LINK_KEY: randomUUID().repeat(2),
        RATE_LIMIT_SCALE: '1000000',
      },
    });
    const database = new Client({ connectionString: postgres.url() });
    await database.connect();
    try {
      return await work(new Api(`http://127.0.0.1:${port}`, database));
    } finally {
      await database.end();
      await running.stop();
      await postgres.stop();
    }
  });

/**
 * Whether the time of an answer tells what kind of account an address has: the AUC of interleaved
 * requests for an unknown address against each other kind. 0.5 says nothing.
 */
export const authTiming = (): Promise<Figure[]> =>
  withApi(async (api) => {
    const figures: Figure[] = [];
    for (const route of Object.keys(ROUTES) as Route[]) {
      const times = await sample(api, route);
      for (const kind of KINDS.slice(1)) {
        figures.push(
          figure(`auth.${route}.${kind}`, areaUnderCurve(times.unknown, times[kind]), 'AUC', {
            baseline: 0.5,
            goal: '0.45 to 0.55',
          }),
        );
      }
    }
    return figures;
  });
