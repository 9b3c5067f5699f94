import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { run, type Running } from './child.ts';

const DEMO = { email: 'demo@house.example', password: 'a bench of a quiet park 7' };

export interface Product extends Running {
  readonly url: string;
  readonly dataDir: string;
}

/** A folder that is gone when `work` has ended, however it ended. */
export const withFolder = async <T>(work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'hom-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }
};

/**
 * The whole product as a person starts it, `npm start`, on ports of its own and with its data in
 * the given folder. The demo account has plenty of credits and no rate limit bites.
 */
export const startProduct = async (
  dataDir: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Product> => {
  const running = await run('npm', ['start'], {
    logFile: `${dataDir}.log`,
    ready: /^ready: .*\n(.*\n)*.*Data, logs.*\n/m,
    environment: {
      PORT: '0',
      MAILBOX_PORT: '0',
      DATA_DIR: dataDir,
      DEMO_EMAIL: DEMO.email,
      DEMO_PASSWORD: DEMO.password,
      SIGNUP_CREDITS: '1000000',
      RATE_LIMIT_SCALE: '100000',
      ...environment,
    },
  });
  const url = /API\s+(http\S+)\/v1/.exec(running.output())?.[1];
  if (!url) throw new Error(`No address in:\n${running.output()}`);
  return { ...running, url, dataDir };
};

/** Runs the product for the time of `work`. */
export const withProduct = async <T>(
  environment: NodeJS.ProcessEnv,
  work: (product: Product, folder: string) => Promise<T>,
): Promise<T> =>
  withFolder(async (folder) => {
    const product = await startProduct(path.join(folder, 'data'), environment);
    try {
      return await work(product, folder);
    } finally {
      await product.stop();
    }
  });

interface JobBody {
  readonly id: string;
  readonly status: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly outputs: readonly { readonly file?: { readonly id: string; readonly url: string } }[];
}

/** The demo account's way to the API. */
export class Client {
  readonly url: string;
  readonly authorization: string;

  private constructor(url: string, authorization: string) {
    this.url = url;
    this.authorization = authorization;
  }

  static async logIn(url: string): Promise<Client> {
    const response = await fetch(`${url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(DEMO),
    });
    const { accessToken } = (await response.json()) as { accessToken: string };
    return new Client(url, `Bearer ${accessToken}`);
  }

  /** Throws with the answer's text unless it is a 2xx. */
  async call(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', this.authorization);
    if (typeof init.body === 'string') headers.set('content-type', 'application/json');
    const response = await fetch(new URL(target, this.url), { ...init, headers });
    if (response.ok) return response;
    throw new Error(`${target} answered ${response.status}: ${await response.text()}`);
  }

  /** Saves a picture; returns the file's id. */
  async upload(picture: Uint8Array<ArrayBuffer>, name = 'bench.png'): Promise<string> {
    const form = new FormData();
    form.set('file', new Blob([picture]), name);
    const response = await this.call('/v1/files', { method: 'POST', body: form });
    return ((await response.json()) as { id: string }).id;
  }

  async order(workflow: string, body: object): Promise<JobBody> {
    const response = await this.call(`/v1/comfy/${workflow}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return (await response.json()) as JobBody;
  }

  /** Resolves when the job's event stream has told its end; throws unless it succeeded. */
  async follow(jobId: string): Promise<void> {
    const response = await this.call(`/v1/jobs/${jobId}/events`);
    const text = await response.text();
    if (!text.includes('"succeeded"')) throw new Error(`Job ${jobId}: ${text.slice(-400)}`);
  }

  /** Asks every 200 ms until all of these jobs have ended; throws unless all succeeded. */
  async settle(jobIds: readonly string[], patienceMs: number): Promise<void> {
    const until = performance.now() + patienceMs;
    for (const id of jobIds) {
      for (;;) {
        const job = (await (await this.call(`/v1/jobs/${id}`)).json()) as JobBody;
        if (job.status === 'succeeded') break;
        if (['failed', 'cancelled'].includes(job.status) || performance.now() > until) {
          throw new Error(`Job ${id} is ${job.status}: ${JSON.stringify(job.error)}`);
        }
        await pause(200);
      }
    }
  }
}
