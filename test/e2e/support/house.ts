import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, startScript } from './program.js';
import { Visitor, type Answer } from './visitor.js';

const READY_LIMIT_MS = 45_000;
export const ADMIN = { email: 'admin@house.example', password: 'a lid for every pot' };

export interface HouseOptions {
  /** Environment variables beside those that keep it apart from other copies. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Data of an earlier copy; a new folder by default. */
  readonly dataDir?: string;
  /** The folder to start it in, with DATA_DIR and MAILBOX_PORT left at their defaults. */
  readonly home?: string;
  readonly port?: number;
}

export interface Mail {
  readonly messageId: string;
  readonly subject: string;
  readonly destination: { readonly to: readonly string[] };
  readonly body: { readonly text?: string; readonly html?: string };
}

/** The whole product as a person starts it, in processes of its own; spoken to over HTTP alone. */
export class House {
  private constructor(
    readonly url: string,
    readonly mailboxUrl: string,
    readonly dataDir: string,
    /** From the start of the process to its line `ready`. */
    readonly readyMs: number,
    private readonly child: ChildProcess,
    private readonly output: () => string,
  ) {}

  static async start(options: HouseOptions = {}): Promise<House> {
    const { home } = options;
    const dataDir = home
      ? path.join(home, '.data')
      : (options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'hom-e2e-'))));
    const port = options.port ?? (await freePort());
    const startedAt = performance.now();
    const environment = {
      ...(!home && { DATA_DIR: dataDir, MAILBOX_PORT: '0' }),
      PORT: String(port),
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      // Many tests share one network address.
      RATE_LIMIT_SCALE: '1000',
      ...options.environment,
    };
    const child = startScript('start.mjs', [], environment, home);
    let output = '';
    child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`The product ${why}:\n${output}`));
      const timer = setTimeout(() => fail('was not ready in time'), READY_LIMIT_MS);
      child.once('exit', (code) => {
        clearTimeout(timer);
        fail(`ended with exit code ${code}`);
      });
      createInterface(child.stdout ?? process.stdin).on('line', (line) => {
        output += `${line}\n`;
        if (!line.startsWith('  Data')) return;
        clearTimeout(timer);
        resolve();
      });
    });
    const readyMs = performance.now() - startedAt;
    const runtime = await readFile(path.join(dataDir, 'runtime.json'), 'utf8');
    const { mailboxUrl } = JSON.parse(runtime) as { mailboxUrl: string };
    const url = `http://localhost:${port}`;
    return new House(url, mailboxUrl, dataDir, readyMs, child, () => output);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get printed(): string {
    return this.output();
  }

  /** Sends the signal and waits for the end; the time that it took. */
  async end(signal: NodeJS.Signals): Promise<{ ms: number; code: number | null }> {
    const ended = once(this.child, 'exit') as Promise<[number | null]>;
    const from = performance.now();
    this.child.kill(signal);
    const [code] = await ended;
    return { ms: performance.now() - from, code };
  }

  /** Ends it, if it still runs, and removes its data. */
  async remove(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGINT');
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  /** Somebody who is not logged in. */
  stranger(): Visitor {
    return new Visitor(this.url);
  }

  async logIn(email: string, password: string): Promise<Visitor> {
    const visitor = this.stranger();
    await visitor.logIn(email, password);
    return visitor;
  }

  admin(): Promise<Visitor> {
    return this.logIn(ADMIN.email, ADMIN.password);
  }

  /** A new person who came the whole way: registered, got the mail, verified, logged in. */
  async signUp(name = 'guest'): Promise<Visitor> {
    const email = `${name}-${Math.random().toString(36).slice(2, 10)}@example.com`;
    const password = 'three cups before noon';
    const visitor = this.stranger();
    await visitor.post('/v1/auth/register', { email, password });
    const mail = await this.mailTo(email, ({ body }) => /[?&]token=/.test(body.text ?? ''));
    const token = /[?&]token=([^\s&"<>)]+)/.exec(mail.body.text ?? '')?.[1] ?? '';
    await visitor.post('/v1/auth/verify', { token: decodeURIComponent(token) });
    await visitor.logIn(email, password);
    return visitor;
  }

  async mailsTo(email: string): Promise<Mail[]> {
    const response = await fetch(`${this.mailboxUrl}/store`);
    const { emails } = (await response.json()) as { emails: Mail[] };
    return emails.filter(({ destination }) => destination.to.some((to) => to.includes(email)));
  }

  /** The first mail to this address for which `isIt` holds, waiting for it. */
  async mailTo(email: string, isIt: (mail: Mail) => boolean, ms = 20_000): Promise<Mail> {
    const found = await eventually(async () => (await this.mailsTo(email)).find(isIt), ms);
    if (!found) throw new Error(`No such mail to ${email} within ${ms} ms.`);
    return found;
  }
}

/** Asks until the answer is neither undefined nor false, at most `ms`. */
export const eventually = async <T>(
  ask: () => Promise<T | undefined | false>,
  ms: number,
): Promise<T | undefined> => {
  const until = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > until) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

/** `404 files.not_found`: how a refusal reads in an expectation. */
export const refusal = ({ status, body }: Answer<object>): string =>
  `${status} ${'code' in body ? String(body.code) : 'without a code'}`;
