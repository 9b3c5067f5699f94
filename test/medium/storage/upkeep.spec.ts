import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Files,
  filesError,
  StorageAudit,
  STORAGE_MIGRATIONS,
  StorageModule,
} from '../../../src/storage/index.js';
import { StorageUpkeep } from '../../../src/storage/upkeep/storage-upkeep.js';
import { FileUsage } from '../../../src/storage/usage.service.js';
import { ModuleApp, refusal, type Caller } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const CUP = 'samples/product-coffee-cup.png';

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let root: string;
let me: Caller;
let upkeep: StorageUpkeep;
let audit: StorageAudit;

/** Every small picture is another one. */
let shade = 0;
const picture = () => {
  shade += 1;
  return sharp({
    create: {
      width: 40,
      height: 30,
      channels: 3,
      background: { r: shade % 256, g: shade >> 8, b: 9 },
    },
  })
    .png()
    .toBuffer();
};
const upload = async (bytes?: Buffer) => {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(bytes ?? (await picture()))]), 'a.png');
  return me.fetch('/v1/files', { method: 'POST', body });
};
const saved = async (bytes?: Buffer) => {
  const response = await upload(bytes);
  expect(response.status, await response.clone().text()).toBe(201);
  return (await response.json()) as { id: string; sizeBytes: number; thumbnailUrl: string };
};
const objects = async () =>
  (await readdir(root, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .toSorted((a, b) => (a < b ? -1 : 1));
const objectsOf = async (id: string) => (await objects()).filter((key) => key.includes(id));

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: STORAGE_MIGRATIONS,
    modules: [StorageModule.forRoles(['api', 'worker'])],
    environment: {
      QUOTA_FILES: '5',
      KEEP_ORIGINALS: 'true',
      INPUT_RETENTION_DAYS: '30',
      OUTPUT_RETENTION_DAYS: '90',
    },
  });
  root = fileURLToPath(app.config.storage.url);
  upkeep = app.get(StorageUpkeep);
  audit = app.get(StorageAudit);
});
afterAll(() => app?.stop());
beforeEach(async () => {
  me = await app.person();
});

describe('thumbnails', () => {
  it('are made once, small, and go with the file', async () => {
    const file = await saved(await readFile(CUP));
    const get = (size: number) => me.fetch(`/v1/files/${file.id}/thumbnails/${size}`);
    const answers = await Promise.all([get(256), get(256), get(1024)]);
    const sizes = await Promise.all(
      answers.map(async (answer) => {
        const { width, height, format } = await sharp(
          Buffer.from(await answer.arrayBuffer()),
        ).metadata();
        return `${format} ${width}x${height}`;
      }),
    );
    expect(sizes).toEqual(['webp 256x171', 'webp 256x171', 'webp 600x400']);
    const signed = await fetch(file.thumbnailUrl.replace(/^.*?\/v1/, `${app.url}/v1`));
    expect(signed.headers.get('content-type')).toBe('image/webp');
    const tag = signed.headers.get('etag') ?? '';
    const again = await me.fetch(`/v1/files/${file.id}/thumbnails/256`, {
      headers: { 'If-None-Match': tag },
    });
    expect(again.status).toBe(304);
    expect(await refusal(await get(300))).toBe('404 files.not_found');
    expect(await objectsOf(file.id)).toHaveLength(4);
    await me.fetch(`/v1/files/${file.id}`, { method: 'DELETE' });
    expect(await objectsOf(file.id)).toEqual([]);
  });
});

describe('the quota', () => {
  it('lets exactly as many of parallel uploads in as fit, and counts deletions', async () => {
    const pictures = await Promise.all(Array.from({ length: 12 }, picture));
    const statuses = await Promise.all(pictures.map(async (bytes) => (await upload(bytes)).status));
    expect(statuses.filter((status) => status === 201)).toHaveLength(5);
    expect(statuses.filter((status) => status === 409)).toHaveLength(7);
    expect(await refusal(await upload())).toBe('409 files.quota_exceeded');
    const { items } = (await (await me.fetch('/v1/files')).json()) as { items: { id: string }[] };
    expect(items).toHaveLength(5);
    await me.fetch(`/v1/files/${items[0]!.id}`, { method: 'DELETE' });
    await saved();
    expect((await app.get(FileUsage).of(me.id)).files).toBe(5);
    expect((await audit.findOrphans(0)).usageDrift).toEqual([]);
  });

  it('keeps the result of a job whatever it says', async () => {
    for (let count = 0; count < 5; count += 1) await saved();
    const file = await app
      .get(Files)
      .saveOutput(
        { userId: me.id, jobId: randomUUID(), name: 'result', discriminator: 'p' },
        await picture(),
      );
    expect(await app.get(Files).find(file.id)).toBeDefined();
  });

  it('answers what is stored already also when it is full', async () => {
    const bytes = await picture();
    const file = await saved(bytes);
    for (let count = 1; count < 5; count += 1) await saved();
    expect(await refusal(await upload())).toBe('409 files.quota_exceeded');
    expect((await saved(bytes)).id).toBe(file.id);
  });
});

describe('sweeps', () => {
  const age = (id: string, days: number) =>
    app.database.query(
      'UPDATE files SET stored_at = now() - make_interval(days => $2) WHERE id = $1',
      [id, days],
    );

  it('delete what is older than its kind is kept, except what a job uses', async () => {
    const [old, used, young] = [await saved(), await saved(), await saved()];
    const result = await app
      .get(Files)
      .saveOutput(
        { userId: me.id, jobId: randomUUID(), name: 'result', discriminator: 'p' },
        await picture(),
      );
    app.get(Files).onBeforeDelete(async (id) => {
      if (id === used.id) throw filesError('files.in_use', 'An open job uses it.');
    });
    for (const { id } of [old, used, result]) await age(id, 31);
    await age(young.id, 29);
    await upkeep.sweep();
    const left = await Promise.all(
      [old, used, young, result].map(
        async ({ id }) => (await app.get(Files).find(id)) !== undefined,
      ),
    );
    expect(left).toEqual([false, true, true, true]);
    expect(await objectsOf(old.id)).toEqual([]);
  });

  it('makes an input young again when the same bytes are stored again', async () => {
    const bytes = await picture();
    const file = await saved(bytes);
    await age(file.id, 31);
    expect((await saved(bytes)).id).toBe(file.id);
    await upkeep.sweep();
    expect(await app.get(Files).find(file.id)).toBeDefined();
  });

  it('end cut uploads and remove orphans of either side', async () => {
    const [whole, lost, cut] = [await saved(), await saved(), await saved()];
    const stray = `inputs/${me.id}/${randomUUID()}.png`;
    await writeFile(path.join(root, stray), 'nobody knows me');
    const lostKey = (await objectsOf(lost.id)).find((key) => key.startsWith('inputs/'))!;
    await rm(path.join(root, lostKey));
    await app.database.query(
      `UPDATE files SET status = 'pending', stored_at = NULL, created_at = now() - interval '1 day'
       WHERE id = $1`,
      [cut.id],
    );
    await mkdir(path.join(root, '.incoming'), { recursive: true });
    const half = path.join(root, '.incoming', 'half');
    await writeFile(half, 'half');
    await utimes(half, new Date(0), new Date(0));

    const found = await audit.findOrphans(0);
    expect(found.objectsWithoutRow.map(({ key }) => key)).toEqual([stray]);
    expect(found.rowsWithoutObject.map(({ id }) => id)).toEqual([lost.id]);
    await upkeep.sweep();
    await upkeep.removeOrphans(0);
    const left = await objects();
    for (const key of [stray, '.incoming/half']) expect(left).not.toContain(key);
    for (const id of [lost.id, cut.id]) expect(await objectsOf(id)).toEqual([]);
    expect(await objectsOf(whole.id)).toHaveLength(2);
    expect(await app.get(Files).find(lost.id)).toBeUndefined();
    const after = await audit.findOrphans(0);
    expect([after.objectsWithoutRow, after.rowsWithoutObject, after.usageDrift]).toEqual([
      [],
      [],
      [],
    ]);
  });

  it('removes nothing when most files have no counterpart', async () => {
    const strays = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const key = `inputs/${me.id}/${randomUUID()}.png`;
        await mkdir(path.join(root, 'inputs', me.id), { recursive: true });
        await writeFile(path.join(root, key), 'x');
        return key;
      }),
    );
    await upkeep.removeOrphans(0);
    expect(await objects()).toEqual(expect.arrayContaining(strays));
    for (const key of strays) await rm(path.join(root, key));
  });

  it('leaves no file of an erased person', async () => {
    const file = await saved();
    await me.fetch('/v1/me', { method: 'DELETE' });
    for (let left = 50; left > 0; left -= 1) {
      if (!(await app.get(Files).find(file.id))) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await upkeep.sweep();
    expect(await objectsOf(file.id)).toEqual([]);
  });
});
