import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  Files,
  StorageAudit,
  STORAGE_MIGRATIONS,
  StorageModule,
} from '../../../src/storage/index.js';
import { StorageUpkeep } from '../../../src/storage/upkeep/storage-upkeep.js';
import { ModuleApp, refusal, type Caller } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

/** The long version kills 50 times. */
const KILLS = Number(process.env['STORAGE_KILLS'] ?? 5);

let app: ModuleApp | undefined;
afterEach(() => app?.stop());

const start = async (environment: Record<string, string> = {}) => {
  const { url: databaseUrl } = await databases.next();
  app = await ModuleApp.start({
    databaseUrl,
    migrations: STORAGE_MIGRATIONS,
    modules: [StorageModule.forRoles(['api', 'worker'])],
    environment,
  });
  return { app, databaseUrl };
};
const made = [await testDatabase(), await testDatabase()];
const databases = { next: async () => made.pop()! };

const upload = (me: Caller, bytes: Buffer) => {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(bytes)]), 'a.png');
  return me.fetch('/v1/files', { method: 'POST', body });
};
/** A PNG that does not compress: about three bytes a pixel. */
const noise = (side: number) =>
  sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();

describe('kill -9 while files are stored', () => {
  it(
    `leaves no dangling row and nothing partial, ${KILLS} times`,
    async () => {
      const { app: running, databaseUrl } = await start();
      const me = await running.person();
      const env = {
        ...process.env,
        NODE_ENV: 'test',
        LOG_LEVEL: 'silent',
        DATABASE_URL: databaseUrl,
        DATA_DIR: running.config.process.dataDir,
        COMFYUI_URLS: 'http://127.0.0.1:1',
        SQS_QUEUE_URL: 'http://127.0.0.1:1/q',
        JWT_KEY: 'k'.repeat(40),
        LINK_KEY: 'k'.repeat(40),
      };
      let [cut, kept] = [0, 0];
      for (let round = 0; round < KILLS; round += 1) {
        const child = spawn(process.execPath, ['test/support/store-forever.mjs', me.id], {
          env,
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(child.stdout, 'data');
        // On a slow machine the first file takes a while to begin: a kill before it would show nothing.
        await expect
          .poll(
            () => running.database.query(`SELECT 1 FROM files WHERE status <> 'deleted' LIMIT 1`),
            {
              timeout: 10_000,
              interval: 5,
            },
          )
          .not.toEqual([]);
        await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60));
        child.kill('SIGKILL');
        await once(child, 'exit');
        const rows = await running.database.query<{ id: string; sha256: string; status: string }>(
          `SELECT id, sha256, status FROM files WHERE status <> 'deleted'`,
        );
        cut += rows.filter(({ status }) => status === 'pending').length;
        for (const row of rows.filter(({ status }) => status === 'stored')) {
          const { stream } = await running.get(Files).open(row.id);
          const sha256 = createHash('sha256')
            .update(await buffer(stream))
            .digest('hex');
          expect(sha256).toBe(row.sha256);
        }
        await running.get(StorageUpkeep).sweep(0);
        await running.get(StorageUpkeep).removeOrphans(0);
        const found = await running.get(StorageAudit).findOrphans(0);
        expect([found.objectsWithoutRow, found.rowsWithoutObject, found.usageDrift]).toEqual([
          [],
          [],
          [],
        ]);
        const stored = rows.filter(({ status }) => status === 'stored').map(({ id }) => id);
        expect(found.objects).toBe(stored.length);
        kept += stored.length;
        for (const id of stored) await running.get(Files).delete(me.id, id);
      }
      console.log(`${KILLS} kills: ${kept} files were whole, ${cut} were cut and removed`);
      expect(cut).toBeGreaterThan(0);
      const incoming = path.join(fileURLToPath(running.config.storage.url), '.incoming');
      expect(await readdir(incoming)).toEqual([]);
      const temporary = path.join(running.config.process.dataDir, 'tmp', 'files');
      expect(await readdir(temporary)).toEqual([]);
    },
    60_000 + KILLS * 20_000,
  );
});

const mountPoint = await mkdtemp(path.join(tmpdir(), 'hom-small-'));
const isMounted =
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', mountPoint]).status === 0;
if (!isMounted) console.warn('SKIPPED 1: a small tmpfs cannot be mounted here');
afterAll(async () => {
  if (isMounted) spawnSync('umount', [mountPoint]);
  await rm(mountPoint, { recursive: true, force: true });
});

describe.runIf(isMounted)('a full disk', () => {
  it('answers 507, keeps nothing partial and recovers without a restart', async () => {
    const { app: running } = await start({ DATA_DIR: path.join(mountPoint, 'data') });
    const me = await running.person();
    const objects = async () =>
      (await readdir(mountPoint, { recursive: true, withFileTypes: true })).filter((entry) =>
        entry.isFile(),
      );
    // Too big for the temporary copy, for the kept picture, and for the store, in turn.
    for (const side of [1_000, 620, 520]) {
      expect(await refusal(await upload(me, await noise(side)))).toBe('507 files.storage_full');
    }
    expect(await objects()).toEqual([]);
    const small = await noise(300);
    const kept = (await (await upload(me, small)).json()) as { id: string };
    await writeFile(path.join(mountPoint, 'ballast'), Buffer.alloc(1_400_000));
    expect(await refusal(await upload(me, await noise(400)))).toBe('507 files.storage_full');
    const output = { userId: me.id, jobId: randomUUID(), name: 'r', discriminator: 'p' };
    await expect(
      running.get(Files).saveOutput(output, randomBytes(1_000_000)),
    ).rejects.toMatchObject({ code: 'files.storage_full' });
    await rm(path.join(mountPoint, 'ballast'));
    const later = await upload(me, await noise(200));
    expect(later.status).toBe(201);
    const { items } = (await (await me.fetch('/v1/files')).json()) as { items: { id: string }[] };
    expect(items.map(({ id }) => id)).toContain(kept.id);
    expect(items).toHaveLength(2);
    expect(await objects()).toHaveLength(2);
  });
});
