import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STORAGE_MIGRATIONS, StorageModule } from '../../../src/storage/index.js';
import { ModuleApp, type Caller } from '../../support/module-app.js';
import { pictureCorpus } from '../../support/picture-corpus.js';
import { testDatabase } from '../../support/postgres.js';

const { url: databaseUrl } = await testDatabase();
const corpus = await pictureCorpus();
let app: ModuleApp;
let me: Caller;

interface View {
  id: string;
  width: number;
  height: number;
  mimeType: string;
}

const upload = (bytes: Buffer, name = 'picture.jpg') => {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(bytes)]), name);
  return me.fetch('/v1/files', { method: 'POST', body });
};
const content = async ({ id }: View) =>
  Buffer.from(await (await me.fetch(`/v1/files/${id}/content`)).arrayBuffer());
/** Mean difference per channel, 0 to 255. */
const difference = async (a: Buffer, b: Buffer) => {
  const [left, right] = await Promise.all(
    [a, b].map((bytes) => sharp(bytes).removeAlpha().toColourspace('srgb').raw().toBuffer()),
  );
  expect(left!.length).toBe(right!.length);
  return (
    left!.reduce((sum, value, index) => sum + Math.abs(value - right![index]!), 0) / left!.length
  );
};

beforeAll(async () => {
  app = await ModuleApp.start({
    databaseUrl,
    migrations: STORAGE_MIGRATIONS,
    modules: [StorageModule.forRoles(['api'])],
  });
  me = await app.person();
});
afterAll(() => app?.stop());

describe('the corpus', () => {
  it('has at least 60 files', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(60);
    expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
  });

  it.each(corpus.map((sample) => [sample.name, sample.outcome, sample] as const))(
    '%s → %s',
    async (_name, outcome, sample) => {
      const response = await upload(sample.bytes);
      const answer = (await response.json()) as View & { code?: string };
      if (response.status !== 201) {
        expect(`${response.status} ${answer.code}`).toBe(outcome);
        return;
      }
      expect(`${answer.width}×${answer.height} ${answer.mimeType}`).toBe(outcome);
      const kept = await content(answer);
      const { width, height, icc, exif, xmp, iptc, depth, hasProfile, pages } =
        await sharp(kept).metadata();
      expect({ width, height }).toEqual({ width: answer.width, height: answer.height });
      expect({ icc, exif, xmp, iptc, depth, hasProfile, pages: pages ?? 1 }).toEqual({
        depth: 'uchar',
        hasProfile: false,
        pages: 1,
      });
      expect(kept.includes('secret-')).toBe(false);
      expect(kept.includes('<script>')).toBe(false);
    },
  );
});

describe('what is kept looks like what was sent', () => {
  const cup = () => sharp('samples/product-coffee-cup.png');
  const kept = async (bytes: Buffer) => content((await (await upload(bytes)).json()) as View);
  const find = (name: string) => corpus.find((sample) => sample.name === name)!.bytes;

  it.each(['PNG', 'PNG, interlaced', 'TIFF', 'TIFF, LZW', 'WebP, lossless'])(
    '%s: pixel for pixel',
    async (name) => {
      expect(await difference(await kept(find(name)), await cup().toBuffer())).toBe(0);
    },
  );

  it.each(['PNG with a P3 profile', 'JPEG with a P3 profile', 'HEIC'])(
    '%s: the same colours in sRGB',
    async (name) => {
      expect(await difference(await kept(find(name)), await cup().toBuffer())).toBeLessThan(6);
    },
  );

  it('HEIC in P3: the same colours in sRGB', async () => {
    const small = await cup().resize(200).png().toBuffer();
    const own = await kept(find('HEIC in P3'));
    expect(await difference(own, small)).toBeLessThan(5);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF rotation %i: upright', async (orientation) => {
    const bytes = find(`EXIF rotation ${orientation}`);
    const upright = await sharp(bytes).autoOrient().png().toBuffer();
    expect(await difference(await kept(bytes), upright)).toBeLessThan(2);
  });
});
