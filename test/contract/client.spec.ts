import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@hey-api/openapi-ts';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { House } from '../support/house.js';
import { testDatabase } from '../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let folder: string;
let house: House;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-client-'));
  await cp('examples/client', folder, {
    recursive: true,
    filter: (source) => !source.endsWith('house'),
  });
  await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  house = await House.start({ databaseUrl: database.url });
});
afterAll(async () => {
  await house.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = async (args: readonly string[], environment: Record<string, string> = {}) => {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
};

it('a client generated from openapi.json compiles and drives the whole main job', async () => {
  await createClient({
    input: path.resolve('openapi.json'),
    output: { path: path.join(folder, 'house'), module: { extension: '.js' } },
    logs: { level: 'silent' },
  });
  const compiled = await run(['node_modules/typescript/bin/tsc', '-p', '.']);
  expect(compiled).toEqual({ code: 0, said: '' });

  const { email } = await house.customer();
  const picture = path.resolve('samples/product-coffee-cup.png');
  const { code, said } = await run(['dist/main-job.js', picture, 'result.png'], {
    API_URL: house.url,
    EMAIL: email,
    PASSWORD: 'a cup of coffee at 7',
  });
  expect([code, code === 0 ? '' : said]).toEqual([0, '']);
  const report = JSON.parse(said) as { events: number };
  expect(report).toMatchObject({
    status: 'succeeded',
    charged: 5,
    quoted: 5,
    entries: ['capture', 'reserve'],
    unknownJob: 'jobs.not_found',
  });
  expect(report.events).toBeGreaterThan(2);
  const { format } = await sharp(await readFile(path.join(folder, 'result.png'))).metadata();
  expect(format).toBe('png');
});
