import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { freshFolder, processesOf, query, startProcess, startServices } from './starter.js';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;
/** For tests that are about the database alone. */
const services = ['postgres'] as const;

/** Waits until nothing lives in the folder. */
const noOrphans = (folder: string): Promise<void> =>
  vi.waitFor(() => expect(processesOf(folder)).toEqual([]), { timeout: 5_000, interval: 20 });

const hasRow = async (url = ''): Promise<boolean> =>
  (await query(url, 'SELECT id FROM kept')).length === 1;

describe('kill -9 of the process that started them', () => {
  it('leaves no orphan and no obstacle, at any moment of a first start', async () => {
    for (const afterMs of [100, 200, 400, 600, 900]) {
      const dataDir = await freshFolder();
      const starter = startProcess({ dataDir });
      await delay(afterMs);
      await starter.kill('SIGKILL');
      const { environment, kill } = await startServices({ dataDir, services });
      expect(await query(environment['DATABASE_URL']!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await kill('SIGKILL');
      await noOrphans(dataDir);
    }
  });

  it('loses nothing that was answered', async () => {
    const dataDir = await freshFolder();
    const first = await startServices({ dataDir, services });
    await query(first.environment['DATABASE_URL']!, 'CREATE TABLE kept AS SELECT 1 AS id');
    await first.kill('SIGKILL');
    const second = await startServices({ dataDir, services });
    expect(await hasRow(second.environment['DATABASE_URL'])).toBe(true);
  });

  it('and of the shells that watch for it leaves a database that the next start stops', async () => {
    const dataDir = await freshFolder();
    const first = await startServices({ dataDir, services });
    const { DATABASE_URL } = first.environment;
    await query(DATABASE_URL!, 'CREATE TABLE kept AS SELECT 1 AS id');
    for (const shell of processesOf(dataDir).filter((line) => line.includes(' sh -c '))) {
      process.kill(Number.parseInt(shell, 10), 'SIGKILL');
    }
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    expect(processesOf(dataDir).join('\n')).toContain('postgres -D');

    const second = await startServices({ dataDir, services });
    expect(second.pids['postgres']).not.toBe(first.pids['postgres']);
    expect(await hasRow(second.environment['DATABASE_URL'])).toBe(true);
    await second.kill('SIGINT');
    await noOrphans(dataDir);
  });
});

describe('a lock file that names a living stranger', () => {
  it('is not taken for a database that runs', async () => {
    const dataDir = await freshFolder();
    const first = await startServices({ dataDir, services });
    await first.kill('SIGINT');
    const stale = `${process.pid}\n${dataDir}/postgres/data\n1\n1\n\n127.0.0.1\n1 1\nready\n`;
    await writeFile(path.join(dataDir, 'postgres/data/postmaster.pid'), stale, { mode: 0o600 });
    const second = await startServices({ dataDir, services });
    expect(second.pids['postgres']).not.toBe(process.pid);
  });
});

describe('a service that ends by itself', () => {
  it.each(['postgres', 'sqs', 'comfyui'])(
    'is started again at its address: %s',
    async (service) => {
      const dataDir = await freshFolder();
      const starter = await startServices({ dataDir });
      const { DATABASE_URL, MAILBOX_URL, COMFYUI_URLS } = starter.environment;
      const pid = starter.pids[service]!;
      process.kill(pid, 'SIGKILL');
      expect(await starter.line()).toMatchObject({ crash: service });
      await vi.waitFor(
        async () => {
          expect(await query(DATABASE_URL!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
          expect((await fetch(`${MAILBOX_URL}/store`)).status).toBe(200);
          expect((await fetch(`${COMFYUI_URLS}/queue`)).status).toBe(200);
        },
        { timeout: 8_000, interval: 50 },
      );
      await starter.kill('SIGINT');
      await noOrphans(dataDir);
    },
  );

  it('is stopped for good when the stop comes while it starts again', async () => {
    const dataDir = await freshFolder();
    const starter = await startServices({ dataDir, services });
    process.kill(starter.pids['postgres']!, 'SIGKILL');
    await starter.line();
    await delay(150);
    const before = performance.now();
    await starter.kill('SIGINT');
    expect(performance.now() - before).toBeLessThan(8_000);
    await noOrphans(dataDir);
  });
});

describe("a terminal's Ctrl-C", () => {
  it('reaches only the process that started them', async () => {
    const dataDir = await freshFolder();
    const starter = await startServices({ dataDir });
    process.kill(-starter.pid, 'SIGINT');
    expect(await starter.exited).toBe(0);
    await noOrphans(dataDir);
  });
});

describe.runIf(isRoot)('without the help of root', () => {
  it('PostgreSQL runs for an ordinary user', async () => {
    const dataDir = await freshFolder();
    await chown(dataDir, NOBODY, NOBODY);
    const { environment } = await startServices({ dataDir }, { uid: NOBODY, gid: NOBODY });
    expect(await query(environment['DATABASE_URL']!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('PostgreSQL runs as another user where root may not make a user namespace', async () => {
    const folder = await freshFolder();
    await chmod(folder, 0o755);
    const programs = path.join(folder, 'programs');
    await mkdir(programs);
    await writeFile(path.join(programs, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const dataDir = path.join(folder, 'data');
    const first = await startServices({ dataDir, services });
    await query(first.environment['DATABASE_URL']!, 'CREATE TABLE kept AS SELECT 1 AS id');
    await first.kill('SIGINT');
    const second = await startServices({ dataDir, services }, { path: programs });
    expect(await hasRow(second.environment['DATABASE_URL'])).toBe(true);
    await second.kill('SIGKILL');
    const third = await startServices({ dataDir, services });
    expect(await hasRow(third.environment['DATABASE_URL'])).toBe(true);
  });
});
