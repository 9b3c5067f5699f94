import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Files, StorageAudit } from '../../src/storage/index.js';
import { StorageUpkeep } from '../../src/storage/upkeep/storage-upkeep.js';
import { Workspace } from '../../src/storage/workspace.js';
import type { Caller, ModuleApp } from './module-app.js';

export interface StorageKills {
  /** Rows whose files were whole. */
  readonly kept: number;
  /** Rows that were pending when their process died. */
  readonly cut: number;
  /** Those of them whose bytes were already complete in the store. */
  readonly cutBeforeCommit: number;
  /** Files that a reader fetched whole over HTTP while they were being stored. */
  readonly read: number;
}

interface Row {
  readonly id: string;
  readonly sha256: string;
  readonly status: string;
  readonly storageKey: string;
}

/** Fetches the newest file again and again until `isOver`; every answer must be whole. */
const readWhile = async (me: Caller, isOver: AbortSignal): Promise<number> => {
  let count = 0;
  while (!isOver.aborted) {
    const page = (await (await me.fetch('/v1/files?limit=1')).json()) as {
      items: { id: string; sha256: string }[];
    };
    const [newest] = page.items;
    if (newest) {
      const response = await me.fetch(`/v1/files/${newest.id}/content`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(newest.sha256);
      count += 1;
    }
    await pause(10);
  }
  return count;
};

/**
 * Kills a process with SIGKILL in the middle of storing files, `kills` times. Expects that every
 * stored row has its whole bytes, that one sweep removes all else from both sides, and that nobody
 * who reads meanwhile sees a part.
 */
export const killWhileStoring = async (
  app: ModuleApp,
  databaseUrl: string,
  kills: number,
): Promise<StorageKills> => {
  const me = await app.person();
  const root = fileURLToPath(app.config.storage.url);
  const environment = {
    ...process.env,
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    DATABASE_URL: databaseUrl,
    DATA_DIR: app.config.process.dataDir,
    COMFYUI_URLS: 'http://127.0.0.1:1',
    SQS_QUEUE_URL: 'http://127.0.0.1:1/q',
    JWT_KEY: 'k'.repeat(40),
    LINK_KEY: 'k'.repeat(40),
  };
  const report = { kept: 0, cut: 0, cutBeforeCommit: 0, read: 0 };
  for (let round = 0; round < kills; round += 1) {
    const child = spawn(process.execPath, ['test/support/store-forever.mjs', me.id], {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const isOver = new AbortController();
    const reading = readWhile(me, isOver.signal);
    // On a slow machine the first file takes a while to begin: a kill before it would show nothing.
    await expect
      .poll(() => app.database.query(`SELECT 1 FROM files WHERE status <> 'deleted' LIMIT 1`), {
        timeout: 30_000,
        interval: 5,
      })
      .not.toEqual([]);
    await pause(20 + Math.random() * 60);
    child.kill('SIGKILL');
    await once(child, 'exit');
    isOver.abort();
    report.read += await reading;
    const rows = await app.database.query<Row>(
      `SELECT id, sha256, status, storage_key AS "storageKey" FROM files WHERE status <> 'deleted'`,
    );
    const stored = rows.filter(({ status }) => status === 'stored');
    const pending = rows.filter(({ status }) => status === 'pending');
    report.kept += stored.length;
    report.cut += pending.length;
    const names = await readdir(root, { recursive: true });
    report.cutBeforeCommit += pending.filter(({ storageKey }) => names.includes(storageKey)).length;
    for (const row of stored) {
      const bytes = await app.get(Files).readAll(row.id);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(row.sha256);
    }
    await app.get(StorageUpkeep).sweep(0);
    await app.get(StorageUpkeep).removeOrphans(0);
    await app.get(Workspace).sweep(new Date());
    const found = await app.get(StorageAudit).findOrphans(0);
    expect([found.objectsWithoutRow, found.rowsWithoutObject, found.usageDrift]).toEqual([
      [],
      [],
      [],
    ]);
    expect(found.objects).toBe(stored.length);
    for (const { id } of stored) await app.get(Files).delete(me.id, id);
  }
  expect(await readdir(path.join(root, '.incoming'))).toEqual([]);
  expect(await readdir(path.join(app.config.process.dataDir, 'tmp', 'files'))).toEqual([]);
  return report;
};
