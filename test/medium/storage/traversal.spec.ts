import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Files, STORAGE_MIGRATIONS, StorageModule } from '../../../src/storage/index.js';
import { contentDisposition, safeName } from '../../../src/storage/file-name.js';
import { signLink } from '../../../src/storage/link-signature.js';
import { ModuleApp, type Caller } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';
import { traversalTricks } from '../../support/traversal.js';

const SECRET = 'the canary sings';
const { url: databaseUrl } = await testDatabase();
const base = await mkdtemp(path.join(tmpdir(), 'hom-outside-'));
const data = path.join(base, 'data');
const root = path.join(data, 'files');
const tricks = traversalTricks(base);
/** For what costs a write each. */
const some = tricks.filter((_trick, index) => index % 8 === 0);
const PLAIN = /^[^./\\\p{C}][^/\\\p{C}]{0,79}\.png$/u;
let app: ModuleApp;
let me: Caller;
let outside: string[];

/** Every file under `base` that is not in the store, with its content. */
const seenOutside = async (): Promise<string[]> => {
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  const found = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(`${root}${path.sep}`));
  const named = found.map(async (file) => `${file} ${await sha256Of(file)}`);
  return (await Promise.all(named)).toSorted((a, b) => (a < b ? -1 : 1));
};
const sha256Of = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

/** Sends the path as it is written, which fetch would normalise. */
const rawGet = (target: string, token: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.url);
    const written = target.replace(/[^\x21-\x7e]/gu, encodeURIComponent);
    request({ hostname, port, path: written, headers: { authorization: token } }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body }),
        (error: Error) => reject(error),
      );
    })
      .once('error', reject)
      .end();
  });

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: STORAGE_MIGRATIONS,
    modules: [StorageModule.forRoles(['api'])],
    environment: { DATA_DIR: data },
  });
  me = await app.person();
  await mkdir(data, { recursive: true });
  for (const place of [base, data]) await writeFile(path.join(place, 'canary.png'), SECRET);
  outside = await seenOutside();
});
afterEach(async () => {
  expect(await seenOutside()).toEqual(outside);
});
afterAll(async () => {
  await app?.stop();
  await rm(base, { recursive: true, force: true });
});

describe(`${tricks.length} tricks`, () => {
  it('are more than 300, and the canary is seen where it is', () => {
    expect(tricks.length).toBeGreaterThan(300);
    expect(outside.map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining([path.join(base, 'canary.png'), path.join(data, 'canary.png')]),
    );
  });

  it('as names become plain names', () => {
    for (const trick of tricks) {
      const name = safeName(trick, 'image/png');
      expect(name, trick).toMatch(PLAIN);
      expect(contentDisposition(name, 'image/png'), trick).toMatch(/^inline; [\x20-\x7e]+$/);
    }
  });

  it('as names of results and uploads give plain names and keys', async () => {
    // Each needs a picture of its own, or it would be the first one's file.
    for (const [index, trick] of some.entries()) {
      const background = { r: index, g: 1, b: 2 };
      const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background } });
      const png = await pixel.png().toBuffer();
      const output = { userId: me.id, jobId: randomUUID(), name: trick, discriminator: 'p' };
      expect((await app.get(Files).saveOutput(output, png)).name, trick).toMatch(PLAIN);
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(png)]), trick);
      const response = await me.fetch('/v1/files', { method: 'POST', body: form });
      const answer = (await response.json()) as { name?: string; code?: string };
      // A header with a NUL in it is no header.
      if (trick.includes('\0')) expect(answer.code, trick).toBe('files.malformed_form');
      else expect(answer.name, trick).toMatch(PLAIN);
    }
  });

  it('as ids of starts store nothing and leave no row behind', async () => {
    for (const discriminator of some) {
      const output = { userId: me.id, jobId: randomUUID(), name: 'result', discriminator };
      const saving = app.get(Files).saveOutput(output, Buffer.from('x'));
      await expect(saving, discriminator).rejects.toThrow();
    }
    const rows = await app.database.query(
      `SELECT id FROM files WHERE name = 'result.bin' OR status <> 'stored'`,
    );
    expect(rows).toEqual([]);
  });

  it('as ids, sizes and signed links open nothing', async () => {
    const key = app.config.links.key;
    const login = await me.fetch('/v1/files');
    expect(login.status).toBe(200);
    const query = { expires: String(Math.floor(Date.now() / 1_000) + 600) };
    for (const trick of tricks) {
      const given = encodeURIComponent(trick);
      // Even whoever has the key can name rows only, and no paths.
      const signature = signLink(key, { method: 'GET', fileId: trick, query });
      const search = new URLSearchParams({ ...query, signature }).toString();
      for (const target of [
        `/v1/files/${trick}/content`,
        `/v1/files/${given}/content`,
        `/v1/files/${randomUUID()}/thumbnails/${trick}`,
        `/v1/links/${given}?${search}`,
      ]) {
        const { status, body } = await rawGet(target, me.authorization);
        expect(body, target).not.toContain(SECRET);
        // What resolves to a list of one's own files is no escape; nothing else may answer 2xx.
        if (!/^\/v1\/files\/?(\?|$)/.test(target))
          expect(status, target).toBeGreaterThanOrEqual(400);
        expect(status, target).toBeLessThan(500);
      }
    }
  });
});

describe('what lies in the root', () => {
  it('has keys of our own making only', async () => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    const keys = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
    expect(keys.length).toBeGreaterThan(some.length);
    const id = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
    const ours = new RegExp(`^(inputs/${id}|outputs/${id}/p)/${id}\\.png$`);
    expect(keys.filter((key) => !ours.test(key))).toEqual([]);
  });
});
