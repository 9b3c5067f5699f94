import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Files,
  filesError,
  STORAGE_MIGRATIONS,
  StorageModule,
} from '../../../src/storage/index.js';
import { signLink } from '../../../src/storage/link-signature.js';
import { ModuleApp, refusal, type Caller } from '../../support/module-app.js';
import { testDatabase } from '../../support/postgres.js';

const CUP = 'samples/product-coffee-cup.png';
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface View {
  id: string;
  kind: string;
  name: string;
  mimeType: string;
  sizeBytes: number;
  width: number;
  height: number;
  sha256: string;
  note?: string;
  url: string;
}

const { url: databaseUrl } = await testDatabase();
let app: ModuleApp;
let files: Files;
let me: Caller;

const form = (bytes: Uint8Array<ArrayBuffer>, name = 'picture.bin', field = 'file') => {
  const body = new FormData();
  body.append(field, new Blob([bytes]), name);
  return body;
};
const upload = (bytes: Buffer, name?: string, headers: Record<string, string> = {}) =>
  me.fetch('/v1/files', { method: 'POST', body: form(new Uint8Array(bytes), name), headers });
const saved = async (bytes: Buffer, name?: string): Promise<View> => {
  const response = await upload(bytes, name);
  expect(response.status, await response.clone().text()).toBe(201);
  return (await response.json()) as View;
};
const content = async (file: View) => {
  const response = await me.fetch(`/v1/files/${file.id}/content`);
  return Buffer.from(await response.arrayBuffer());
};
const list = async (query: string) =>
  (await (await me.fetch(`/v1/files?${query}`)).json()) as { items: View[]; nextCursor?: string };
/** Links are made with PUBLIC_URL; the application under test listens elsewhere. */
const local = (url: string) => url.replace(/^.*?\/v1/, `${app.url}/v1`);

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: STORAGE_MIGRATIONS,
    modules: [StorageModule.forRoles(['api'])],
    environment: { UPLOAD_MAX_MB: '5', UPLOAD_MAX_MEGAPIXELS: '20' },
  });
  files = app.get(Files);
});
afterAll(() => app?.stop());
beforeEach(async () => {
  me = await app.person();
});

describe('saving a picture', () => {
  it('keeps a PNG pixel for pixel and answers what is stored', async () => {
    const source = await readFile(CUP);
    const file = await saved(source, 'Coffee Cup.png');
    expect(file).toMatchObject({
      kind: 'input',
      name: 'Coffee Cup.png',
      mimeType: 'image/png',
      width: 600,
      height: 400,
    });
    const bytes = await content(file);
    expect(bytes.length).toBe(file.sizeBytes);
    expect(sha256(bytes)).toBe(file.sha256);
    expect(
      Buffer.compare(await sharp(bytes).raw().toBuffer(), await sharp(source).raw().toBuffer()),
    ).toBe(0);
  });

  it('gives the same file for the same bytes, in parallel too, and another to another person', async () => {
    const source = await readFile(CUP);
    const all = await Promise.all(Array.from({ length: 5 }, () => saved(source)));
    expect(new Set(all.map((file) => file.id)).size).toBe(1);
    expect((await list('kind=input')).items).toHaveLength(1);
    me = await app.person();
    expect((await saved(source)).id).not.toBe(all[0]!.id);
  });

  it('turns it upright, removes metadata and names it by its type', async () => {
    const jpeg = await sharp(CUP)
      .withExif({ IFD0: { Orientation: '6', Copyright: 'secret place' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const file = await saved(jpeg, 'IMG_1.HEIC');
    expect(file).toMatchObject({
      name: 'IMG_1.jpg',
      mimeType: 'image/jpeg',
      width: 400,
      height: 600,
    });
    const bytes = await content(file);
    expect(bytes.includes('secret place')).toBe(false);
    expect((await sharp(bytes).metadata()).exif).toBeUndefined();
  });

  it('keeps the first frame of several, with a note', async () => {
    const animated = await sharp([CUP, await sharp(CUP).flip().toBuffer()], {
      join: { animated: true },
    })
      .webp()
      .toBuffer();
    expect(await saved(animated)).toMatchObject({
      width: 600,
      height: 400,
      note: 'Only the first of 2 frames or pages was kept.',
    });
  });

  it('refuses what is no accepted picture, each with its code', async () => {
    const cup = await readFile(CUP);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    // A PNG that claims 20,000 × 20,000 pixels.
    const bomb = Buffer.from(cup);
    bomb.writeUInt32BE(20_000, 16);
    bomb.writeUInt32BE(20_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    expect(await refusal(await upload(Buffer.from('hello'), 'a.png'))).toBe(
      '415 files.unsupported_type',
    );
    expect(await refusal(await upload(svg, 'a.png'))).toBe('415 files.unsupported_type');
    expect(await refusal(await upload(cup.subarray(0, 50_000)))).toBe('422 files.unreadable');
    expect(await refusal(await upload(bomb))).toBe('413 files.too_large');
    expect(await refusal(await upload(Buffer.alloc(5_000_001)))).toBe('413 files.too_large');
    expect(await refusal(await upload(Buffer.alloc(50_000_000)))).toBe('413 files.too_large');
    expect(await refusal(await upload(Buffer.alloc(0)))).toBe('415 files.unsupported_type');
    expect((await list('')).items).toEqual([]);
  });

  it('refuses forms that are not right', async () => {
    const post = (body: string | FormData, headers: Record<string, string> = {}) =>
      me.fetch('/v1/files', { method: 'POST', body, headers });
    expect(await refusal(await post('{}', { 'content-type': 'application/json' }))).toBe(
      '415 http.unsupported_media_type',
    );
    expect(await refusal(await post(form(new Uint8Array(10), 'a', 'other')))).toBe(
      '400 files.malformed_form',
    );
    const textOnly = new FormData();
    textOnly.append('hello', 'there');
    expect(await refusal(await post(textOnly))).toBe('400 files.missing');
    const cut = { 'content-type': 'multipart/form-data; boundary=x' };
    expect(await refusal(await post('--x\r\nContent-Dispo', cut))).toBe('400 files.malformed_form');
    expect(await refusal(await post('abc', { 'content-type': 'multipart/form-data' }))).toBe(
      '400 files.malformed_form',
    );
  });

  it('answers the same id for the same Idempotency-Key and refuses it for other bytes', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    const source = await readFile(CUP);
    const first = (await (await upload(source, 'a.png', key)).json()) as View;
    const again = (await (await upload(source, 'a.png', key)).json()) as View;
    expect(again.id).toBe(first.id);
    const other = await sharp(CUP).flip().png().toBuffer();
    expect(await refusal(await upload(other, 'a.png', key))).toBe(
      '422 http.idempotency_key_reused',
    );
  });
});

describe('fetching', () => {
  it('answers ETag, 304, parts and unsatisfiable ranges', async () => {
    const file = await saved(await readFile(CUP), 'a "b".png');
    const get = (headers: Record<string, string>) =>
      me.fetch(`/v1/files/${file.id}/content`, { headers });
    const whole = await get({});
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      etag: `"${file.sha256}"`,
      'content-type': 'image/png',
      'content-length': String(file.sizeBytes),
      'x-content-type-options': 'nosniff',
      'content-disposition': expect.stringMatching(/^inline; filename="a b\.png"/) as string,
    });
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect((await get({ 'If-None-Match': `"${file.sha256}"` })).status).toBe(304);
    const part = await get({ Range: 'bytes=10-19' });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 10-19/${file.sizeBytes}`);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
    const tail = await get({ Range: 'bytes=-5' });
    expect(Buffer.from(await tail.arrayBuffer())).toEqual(bytes.subarray(-5));
    const outside = await get({ Range: `bytes=${file.sizeBytes}-` });
    expect(outside.headers.get('content-range')).toBe(`bytes */${file.sizeBytes}`);
    expect(await refusal(outside)).toBe('416 files.range_not_satisfiable');
    expect((await get({ Range: 'bytes=0-1', 'If-Range': '"other"' })).status).toBe(200);
  });

  it("answers 404 for another's file, an unknown id and a deleted file", async () => {
    const file = await saved(await readFile(CUP));
    const stranger = await app.person();
    for (const path of ['', '/content']) {
      expect(await refusal(await stranger.fetch(`/v1/files/${file.id}${path}`))).toBe(
        '404 files.not_found',
      );
    }
    expect(await refusal(await stranger.fetch(`/v1/files/${file.id}`, { method: 'DELETE' }))).toBe(
      '404 files.not_found',
    );
    expect(await refusal(await me.fetch(`/v1/files/${randomUUID()}`))).toBe('404 files.not_found');
    expect(await refusal(await me.fetch('/v1/files/..%2F..%2Fetc'))).toBe('404 files.not_found');
    expect((await me.fetch(`/v1/files/${file.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await refusal(await me.fetch(`/v1/files/${file.id}`))).toBe('404 files.not_found');
    expect((await fetch(local(file.url))).status).toBe(403);
  });

  it('asks before deleting and lists by page', async () => {
    const file = await saved(await readFile(CUP));
    const second = await saved(await sharp(CUP).flop().png().toBuffer());
    files.onBeforeDelete(async (id) => {
      if (id === file.id) throw filesError('files.in_use', 'An open job uses it.');
    });
    expect(await refusal(await me.fetch(`/v1/files/${file.id}`, { method: 'DELETE' }))).toBe(
      '409 files.in_use',
    );
    const first = await list('limit=1');
    const rest = await list(`limit=1&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items].map((item) => item.id)).toEqual([second.id, file.id]);
    expect(rest.nextCursor).toBeUndefined();
  });
});

describe('signed links', () => {
  it('open without a login until they are withdrawn', async () => {
    const file = await saved(await readFile(CUP));
    const made = (await (
      await me.fetch(`/v1/files/${file.id}/links`, {
        method: 'POST',
        body: JSON.stringify({ expiresInSeconds: 60 }),
      })
    ).json()) as { id: string; url: string; expiresAt: string };
    expect(new Date(made.expiresAt).getTime() - Date.now()).toBeGreaterThan(50_000);
    for (const url of [made.url, file.url]) {
      const response = await fetch(local(url));
      expect(response.status).toBe(200);
      expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(file.sha256);
    }
    const again = await me.fetch(`/v1/files/${file.id}/links/nobody`, { method: 'DELETE' });
    expect(again.status).toBe(404);
    const withdrawal = await me.fetch(`/v1/files/${file.id}/links/${made.id}`, {
      method: 'DELETE',
    });
    expect(withdrawal.status).toBe(204);
    expect((await fetch(local(made.url))).status).toBe(403);
    expect((await fetch(local(file.url))).status).toBe(200);
  });

  it('are made once per Idempotency-Key', async () => {
    const file = await saved(await readFile(CUP));
    const post = (expiresInSeconds: number) =>
      me.fetch(`/v1/files/${file.id}/links`, {
        method: 'POST',
        body: JSON.stringify({ expiresInSeconds }),
        headers: { 'Idempotency-Key': 'a link' },
      });
    const first: unknown = await (await post(60)).json();
    expect(await (await post(60)).json()).toEqual(first);
    expect(await refusal(await post(61))).toBe('422 http.idempotency_key_reused');
  });

  it('answer 403 when expired, altered or used for another file', async () => {
    const file = await saved(await readFile(CUP));
    const other = await saved(await sharp(CUP).flop().png().toBuffer());
    const { url } = await files.link(file.id, { expiresInSeconds: 0 });
    expect((await fetch(local(url))).status).toBe(403);
    const fresh = local((await files.link(file.id, { expiresInSeconds: 60 })).url);
    const altered = [
      fresh.replace(file.id, other.id),
      fresh.replace(/expires=\d+/, 'expires=9999999999'),
      fresh.replace(/signature=[^&]*/, 'signature=AAAA'),
      fresh.replace(/&?link=[^&]*/, ''),
      `${fresh}&download=1`,
      `${fresh}&expires=9999999999`,
      fresh.replace(/signature=[^&]*/, ''),
      fresh.replace(file.id, `${file.id}%00`),
    ];
    // Signed as we sign, but with another key, for another method, or for another file.
    const search = new URL(fresh).searchParams;
    const query = Object.fromEntries([...search].filter(([name]) => name !== 'signature'));
    const forged = [
      signLink('another key of enough length', { method: 'GET', fileId: file.id, query }),
      signLink(app.config.links.key, { method: 'POST', fileId: file.id, query }),
      signLink(app.config.links.key, { method: 'GET', fileId: other.id, query }),
      signLink(app.config.links.key, { method: 'GET', fileId: file.id, query: {} }),
    ].map((signature) => fresh.replace(/signature=[^&]*/, `signature=${signature}`));
    altered.push(
      ...forged,
      fresh.replace('/v1/links/', '/v1/links/../links/').replace(file.id, 'x'),
    );
    for (const address of altered) expect((await fetch(address)).status, address).toBe(403);
    for (const method of ['HEAD', 'POST', 'DELETE', 'PUT']) {
      expect((await fetch(fresh, { method })).status, method).toBe(403);
    }
    expect((await fetch(fresh)).status).toBe(200);
  });
});

describe('pages', () => {
  it('go by kind, job and time, each file once', async () => {
    const jobs = [randomUUID(), randomUUID()];
    const made: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      const output = { userId: me.id, jobId: jobs[n % 2]!, name: `r${n}`, discriminator: 'p' };
      made.unshift((await files.saveOutput(output, Buffer.from(`text ${n}`))).id);
    }
    const input = await saved(await readFile(CUP));
    for (const [n, id] of [input.id, ...made].entries()) {
      await app.database.query(
        `UPDATE files SET created_at = timestamptz '2026-01-10' - make_interval(days => $2) WHERE id = $1`,
        [id, n],
      );
    }
    const all = async (query: string) => {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list(`limit=2&${query}${cursor ? `&cursor=${cursor}` : ''}`);
        ids.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor);
      return ids;
    };
    expect(await all('')).toEqual([input.id, ...made]);
    expect(await all('kind=input')).toEqual([input.id]);
    expect(await all('kind=output')).toEqual(made);
    expect(await all(`jobId=${jobs[1]}`)).toEqual([made[0], made[2], made[4]]);
    expect(await all(`jobId=${randomUUID()}`)).toEqual([]);
    // From inclusive, to exclusive.
    expect(await all('from=2026-01-06T00:00:00Z&to=2026-01-09T00:00:00Z')).toEqual(
      made.slice(1, 4),
    );
    expect((await me.fetch('/v1/files?kind=mask')).status).toBe(400);
    expect((await me.fetch('/v1/files?from=yesterday')).status).toBe(400);
    me = await app.person();
    expect(await all(`jobId=${jobs[1]}`)).toEqual([]);
  });
});

describe('outputs', () => {
  it('lose what ComfyUI writes into them, and nothing else', async () => {
    const plain = await readFile(CUP);
    const body = Buffer.from('tEXtprompt\0{"6":{"class_type":"CLIPTextEncode"}}');
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(body.length - 4);
    sum.writeUInt32BE(crc32(body));
    const told = Buffer.concat([plain.subarray(0, 33), length, body, sum, plain.subarray(33)]);
    const output = { userId: me.id, jobId: randomUUID(), name: 'picture', discriminator: 'p' };
    const file = await files.saveOutput(output, told);
    const kept = await files.readAll(file.id);
    expect(kept.includes('CLIPTextEncode')).toBe(false);
    expect(sha256(kept)).toBe(file.sha256);
    const pixels = (bytes: Buffer) => sharp(bytes).raw().toBuffer();
    expect((await pixels(kept)).equals(await pixels(plain))).toBe(true);
  });

  it('are stored once per start and name, by content, and can be discarded', async () => {
    const jobId = randomUUID();
    const output = { userId: me.id, jobId, name: 'picture', discriminator: 'prompt-1' };
    const bytes = await readFile(CUP);
    const first = await files.saveOutput(output, bytes);
    const again = await files.saveOutput(output, bytes);
    expect(again.id).toBe(first.id);
    expect(first).toMatchObject({ kind: 'output', mimeType: 'image/png', width: 600, jobId });
    const next = await files.saveOutput({ ...output, discriminator: 'prompt-2' }, bytes);
    expect(next.id).not.toBe(first.id);
    const text = await files.saveOutput(
      { ...output, name: 'description', mimeType: 'text/plain' },
      Buffer.from('a cup'),
    );
    expect(text).toMatchObject({ mimeType: 'text/plain', name: 'description.txt', width: null });
    const html = await files.saveOutput(
      { ...output, name: 'page', mimeType: 'text/html' },
      Buffer.from('<script>alert(1)</script>'),
    );
    expect(html.mimeType).toBe('application/octet-stream');
    expect(sha256(await files.readAll(first.id))).toBe(first.sha256);
    await files.discardOutputs(jobId, 'prompt-1');
    expect(await files.find(first.id)).toBeUndefined();
    expect(await files.find(next.id)).toBeDefined();
    await expect(files.holdInputs(me.id, [next.id])).rejects.toMatchObject({
      code: 'files.not_found',
    });
  });
});
