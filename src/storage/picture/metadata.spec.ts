import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { digestOf } from '../digest.js';
import { copyWithoutMetadata } from './metadata.js';

const folder = await mkdtemp(path.join(tmpdir(), 'hom-metadata-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const SECRET = 'secret-prompt';
const noise = sharp({
  create: {
    width: 300,
    height: 200,
    channels: 3,
    background: '#888',
    noise: { type: 'gaussian', mean: 128, sigma: 40 },
  },
});
let count = 0;
const stripped = async (bytes: Buffer, mimeType: string): Promise<Buffer> => {
  const source = path.join(folder, String((count += 1)));
  await writeFile(source, bytes);
  expect(await copyWithoutMetadata(source, `${source}-bare`, mimeType)).toEqual(
    await digestOf(`${source}-bare`),
  );
  return readFile(`${source}-bare`);
};
const chunk = (type: string, text: string): Buffer => {
  const body = Buffer.from(type + text, 'latin1');
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length - 4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};
const box = (type: string, ...content: Buffer[]): Buffer => {
  const [size, body] = [Buffer.alloc(4), Buffer.concat(content)];
  size.writeUInt32BE(body.length + 8);
  return Buffer.concat([size, Buffer.from(type, 'latin1'), body]);
};
const frames = (bytes: Buffer) => sharp(bytes, { pages: -1 }).ensureAlpha().raw().toBuffer();

describe('copyWithoutMetadata', () => {
  it('takes every text and what follows the end out of a PNG, and leaves its pixels and colours', async () => {
    const plain = await noise.clone().withIccProfile('p3').png().toBuffer();
    const texts = ['tEXt', 'iTXt', 'zTXt', 'eXIf', 'prVt'].map((type) => chunk(type, SECRET));
    const told = Buffer.concat([plain.subarray(0, 33), ...texts, plain.subarray(33)]);
    const bare = await stripped(Buffer.concat([told, Buffer.from(SECRET)]), 'image/png');
    expect(bare.includes(SECRET)).toBe(false);
    expect(await frames(bare)).toEqual(await frames(plain));
    expect((await sharp(bare).metadata()).icc).toEqual((await sharp(plain).metadata()).icc);
  });

  it.each([{ lossless: true }, { quality: 60 }])(
    'takes EXIF and XMP out of an animated WebP of %j',
    async (options) => {
      const still = await noise.clone().png().toBuffer();
      const turned = await sharp(still).flip().png().toBuffer();
      const told = await sharp([still, turned], { join: { animated: true } })
        .withExif({ IFD0: { Make: SECRET } })
        .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/">${SECRET}</x:xmpmeta>`)
        .webp(options)
        .toBuffer();
      expect(told.includes(SECRET)).toBe(true);
      const bare = await stripped(told, 'image/webp');
      expect(bare.includes(SECRET)).toBe(false);
      expect(bare.readUInt32LE(4)).toBe(bare.length - 8);
      const { exif, xmp, pages } = await sharp(bare).metadata();
      expect({ exif, xmp, pages }).toEqual({ exif: undefined, xmp: undefined, pages: 2 });
      expect(await frames(bare)).toEqual(await frames(told));
    },
  );

  it('takes EXIF, XMP and comments out of a JPEG and leaves its profile', async () => {
    const plain = await noise
      .clone()
      .withIccProfile('p3')
      .withExif({ IFD0: { Make: SECRET } })
      .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/">${SECRET}</x:xmpmeta>`)
      .jpeg({ progressive: true })
      .toBuffer();
    const comment = Buffer.from(`\xff\xff\xfe\x00\x0f${SECRET}`, 'latin1');
    const told = Buffer.concat([plain.subarray(0, 2), comment, plain.subarray(2)]);
    const bare = await stripped(told, 'image/jpeg');
    expect(bare.includes(SECRET)).toBe(false);
    expect(await frames(bare)).toEqual(await frames(plain));
    expect((await sharp(bare).metadata()).icc).toEqual((await sharp(plain).metadata()).icc);
  });

  it('empties what an MP4 tells, and moves nothing in it', async () => {
    const secret = Buffer.from(SECRET);
    const film = Buffer.concat([
      box('ftyp', Buffer.from('isom')),
      box('uuid', secret),
      box(
        'moov',
        box('mvhd', Buffer.from('header')),
        box('trak', box('tkhd', Buffer.from('track')), box('udta', secret)),
        box('udta', box('meta', secret)),
      ),
      box('mdat', Buffer.from('the film')),
    ]);
    const bare = await stripped(film, 'video/mp4');
    expect(bare.includes(SECRET)).toBe(false);
    expect(bare.length).toBe(film.length);
    for (const kept of ['isom', 'mvhd', 'header', 'tkhd', 'track', 'mdat', 'the film']) {
      expect(bare.indexOf(kept), kept).toBe(film.indexOf(kept));
    }
  });

  it('gives back what is cut in the middle as it is, without the texts before', async () => {
    const plain = await noise.clone().png().toBuffer();
    const told = Buffer.concat([plain.subarray(0, 33), chunk('tEXt', SECRET), plain.subarray(33)]);
    const half = told.subarray(0, told.length / 2);
    const bare = await stripped(half, 'image/png');
    expect(bare).toEqual(Buffer.concat([plain.subarray(0, 33), half.subarray(33 + 25)]));
    for (const empty of ['image/png', 'image/webp', 'image/jpeg', 'video/mp4']) {
      expect((await stripped(Buffer.from('no'), empty)).length).toBeLessThanOrEqual(8);
    }
  });

  it('leaves other types alone', async () => {
    expect(
      await copyWithoutMetadata('/nowhere', '/nowhere-bare', 'model/gltf-binary'),
    ).toBeUndefined();
  });
});
