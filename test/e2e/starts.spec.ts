import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from './support/house.js';
import { leftOvers } from './support/processes.js';
import { freePort, runScript } from './support/program.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-e2e-starts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));

/** A start that is meant to fail: what it says, in how many lines, and what it leaves. */
const failingStart = async (environment: Readonly<Record<string, string>>) => {
  const dataDir = environment['DATA_DIR'] ?? path.join(folder, 'unused');
  const { code, stdout, stderr } = await runScript('start.mjs', [], {
    DATA_DIR: dataDir,
    PORT: String(await freePort()),
    MAILBOX_PORT: '0',
    ...environment,
  });
  return { code, stdout, stderr: stderr.trim(), left: await leftOvers(dataDir, 2_000) };
};

describe('a start that cannot be', () => {
  it('says in a sentence that PORT is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const dataDir = path.join(folder, 'port');
    const end = await failingStart({ PORT: port, DATA_DIR: dataDir });
    holder.close();
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/^PORT is in use .*; set PORT to a free one\.$/);
    expect(end.stderr).toContain(port);
    expect(end.stdout).not.toContain('ready');
    expect(end.left).toEqual([]);
  });

  it.each([
    ['PORT', 'threethousand', 'PORT: "threethousand" is not accepted'],
    ['SIGNUP_CREDITS', '-1', 'SIGNUP_CREDITS: "-1" is not accepted'],
    ['COMFYUI_URLS', 'localhost:8188', 'COMFYUI_URLS: "localhost:8188" is not accepted'],
    ['ROLES', 'api,cook', 'ROLES: "api,cook" is not accepted'],
    ['MAIL_FROM', 'nobody', 'MAIL_FROM: "nobody" is not accepted'],
  ])('names %s when its value is wrong', async (name, value, words) => {
    const end = await failingStart({ [name]: value });
    expect(end.code).toBe(1);
    expect(end.stderr).toContain(words);
    expect(end.stderr.split('\n')).toHaveLength(1);
    expect(end.left).toEqual([]);
  });

  it.each([
    ['JWT_KEY', 'my-short-secret'],
    ['DATABASE_URL', 'mysql://root:my-short-secret@db/house'],
  ])('does not print the secret in a wrong %s', async (name, value) => {
    const end = await failingStart({ [name]: value });
    expect(end.code).toBe(1);
    expect(end.stderr).toContain(name);
    expect(end.stderr + end.stdout).not.toContain('my-short-secret');
  });

  it('names everything that production needs and starts no stand-in', async () => {
    const end = await failingStart({ NODE_ENV: 'production' });
    expect(end.code).toBe(1);
    for (const name of [
      'DATABASE_URL',
      'COMFYUI_URLS',
      'STORAGE_URL',
      'SQS_QUEUE_URL',
      'AWS_REGION',
      'MAIL_FROM',
      'PUBLIC_URL',
      'JWT_KEY',
      'LINK_KEY',
    ]) {
      expect(end.stderr).toContain(name);
    }
    expect(end.left).toEqual([]);
  });
});

describe('two copies', () => {
  const homes: House[] = [];
  afterAll(() => Promise.all(homes.map((house) => house.remove())));

  it('run side by side in two folders, each with its own people, jobs and mails', async () => {
    for (const name of ['left', 'right']) {
      const home = path.join(folder, name);
      await mkdir(home);
      // DATA_DIR stays at its default, .data below the folder; only PORT differs.
      homes.push(await House.start({ home }));
    }
    const [left, right] = homes;
    if (!left || !right) throw new Error('A copy is missing.');
    expect(left.mailboxUrl).not.toBe(right.mailboxUrl);
    const guests = await Promise.all(homes.map((house) => house.signUp()));
    const jobs = await Promise.all(
      guests.map(async (guest) => {
        const image = await guest.upload();
        return (await guest.order(image.id, { prefer: 'wait=60' })).body;
      }),
    );
    expect(jobs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
    for (const [at, guest] of guests.entries()) {
      expect(await guest.jobIds()).toEqual([jobs[at]?.id]);
      const [own, other] = at === 0 ? [left, right] : [right, left];
      await own.mailTo(guest.email, ({ subject }) => /ready/i.test(subject));
      expect(await other.mailsTo(guest.email)).toEqual([]);
    }
  });

  it('refuse to share one data directory, in a sentence, and the first goes on', async () => {
    const [left] = homes;
    if (!left) throw new Error('A copy is missing.');
    const { code, stderr } = await runScript('start.mjs', [], {
      DATA_DIR: left.dataDir,
      PORT: String(await freePort()),
    });
    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(
      /^The data directory .* is in use by another running copy: .*\.$/,
    );
    expect((await left.stranger().get('/health/ready')).status).toBe(200);
  });
});
