import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import sharp, { type Sharp } from 'sharp';
import { root } from './support/child.ts';
import { figure, type Figure } from './support/figure.ts';
import { peakDuring, processIn, residentOf } from './support/processes.ts';
import { Client, withProduct } from './support/product.ts';

const AT_ONCE = 5;
const SETTLE_MS = 5_000;
const LARGEST = { width: 8_660, height: 5_773 };
const CAMERA = { width: 4_000, height: 3_000 };

type Bytes = Uint8Array<ArrayBuffer>;

/** Enlarged by repeating pixels, so that 50 megapixels stay below 25 MB in every kind. */
const cup = (size: { width: number; height: number }, orientation = 1): Sharp =>
  sharp(path.join(root, 'samples', 'product-coffee-cup.png'))
    .removeAlpha()
    .resize({ ...size, fit: 'fill', kernel: 'nearest' })
    .withMetadata({ orientation });
const bytesOf = async (picture: Sharp): Promise<Bytes> => new Uint8Array(await picture.toBuffer());

/** Each another picture by a byte behind its end, or the second would be the first one's file. */
const numbered = (picture: Bytes, n: number): Bytes => {
  const other = new Uint8Array(picture.length + 1);
  other.set(picture);
  other[picture.length] = n;
  return other;
};

const fixture = async (name: string): Promise<Bytes> =>
  new Uint8Array(await readFile(path.join(root, 'test', 'fixtures', 'pictures', name)));

/** What takes the most memory of each kind at the limit; kinds with a lower limit are at theirs. */
const LARGE: Readonly<Record<string, () => Promise<Bytes>>> = {
  jpeg: () => bytesOf(cup(LARGEST).jpeg()),
  'jpeg-turned': () =>
    bytesOf(cup(LARGEST, 6).jpeg({ progressive: true, chromaSubsampling: '4:4:4' })),
  png: () =>
    bytesOf(cup({ width: 7_900, height: 5_900 }).toColourspace('rgb16').png({ progressive: true })),
  webp: () => bytesOf(cup(LARGEST).webp({ effort: 0 })),
  avif: () => bytesOf(cup({ width: 5_600, height: 3_750 }).avif({ effort: 0 })),
  heic: () => fixture('large.heic'),
};

const CAMERAS: Readonly<Record<string, () => Promise<Bytes>>> = {
  jpeg: () => bytesOf(cup(CAMERA, 6).jpeg({ quality: 92 })),
  png: () => bytesOf(cup(CAMERA).png({ compressionLevel: 1 })),
  webp: () => bytesOf(cup(CAMERA).webp({ effort: 0 })),
  tiff: () => bytesOf(cup(CAMERA).tiff({ compression: 'lzw' })),
  avif: () => bytesOf(cup(CAMERA).avif({ effort: 0 })),
  heic: () => fixture('camera.heic'),
};

/** Resident megabytes of the server at five uploads at once, above those before. */
const memoryOf = async (client: Client, pid: number, picture: Bytes): Promise<number> => {
  await pause(SETTLE_MS);
  const before = residentOf(pid).megabytes;
  const peak = await peakDuring(pid, async () => {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, n) => client.upload(numbered(picture, n))),
    );
  });
  return peak - before;
};

/** Seconds until a picture of 12 megapixels is saved, alone; the second of two, when all is loaded. */
const secondsOf = async (client: Client, picture: Bytes): Promise<number> => {
  await client.upload(numbered(picture, 1));
  const begun = performance.now();
  await client.upload(numbered(picture, 2));
  return (performance.now() - begun) / 1_000;
};

/** Memory of five uploads at once at the limit of each kind, and the time of camera pictures. */
export const uploads = (): Promise<Figure[]> =>
  withProduct({ QUOTA_MB: '100000' }, async (product) => {
    const client = await Client.logIn(product.url);
    const pid = processIn(product.pid, /scripts\/start\.mjs/);
    const figures: Figure[] = [];
    for (const [name, make] of Object.entries(CAMERAS)) {
      const seconds = await secondsOf(client, await make());
      figures.push(figure(`uploads.12-megapixels.${name}`, seconds, 's', { goal: '≤ 2 s' }));
    }
    for (const [name, make] of Object.entries(LARGE)) {
      const megabytes = await memoryOf(client, pid, await make());
      figures.push(figure(`uploads.5-at-once.${name}`, megabytes, 'MB more', { goal: '≤ 400 MB' }));
    }
    return figures;
  });
