import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Files, STORAGE_MIGRATIONS, StorageModule } from '../../../src/storage/index.js';
import { ModuleApp, refusal, type Caller } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';
import { killWhileStoring } from '../../support/storage-kills.js';

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
  it('leaves no dangling row and nothing partial, 5 times', async () => {
    const { app: running, databaseUrl } = await start();
    const report = await killWhileStoring(running, databaseUrl, 5);
    console.log(JSON.stringify(report));
    expect(report.cut).toBeGreaterThan(0);
    // Five processes start one after the other, on a machine that may be busy.
  }, 600_000);
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
