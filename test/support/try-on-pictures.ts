import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Picture } from '../../src/tools/providers/provider.js';

const SAMPLES = new URL('../../samples/', import.meta.url);

const pictureOf = async (bytes: Buffer): Promise<Picture> => {
  const { width, height, format } = await sharp(bytes).metadata();
  return { bytes, width, height, mimeType: `image/${format}` };
};

/** The sample person, square as photographed. */
export const squarePerson = async (): Promise<Picture> =>
  pictureOf(await readFile(new URL('person-astronaut.png', SAMPLES)));

/** The sample person in the format that IDM-VTON works in. */
export const tallPerson = async (): Promise<Picture> => {
  const { bytes } = await squarePerson();
  const area = { left: 20, top: 0, width: 384, height: 512 };
  return pictureOf(await sharp(bytes).extract(area).jpeg({ quality: 92 }).toBuffer());
};

export const shirt = async (): Promise<Picture> =>
  pictureOf(await readFile(new URL('garment-striped-shirt.png', SAMPLES)));

/** White on black over the sample person's legs' place: the lower part of the square photograph. */
export const lowerMask = async (width: number, height: number): Promise<Picture> => {
  const box = await sharp({
    create: {
      width: Math.floor(width / 2),
      height: Math.floor(height / 3),
      channels: 3,
      background: '#fff',
    },
  })
    .png()
    .toBuffer();
  const mask = sharp({ create: { width, height, channels: 3, background: '#000' } }).composite([
    { input: box, left: Math.floor(width / 4), top: Math.floor((height * 2) / 3) },
  ]);
  return pictureOf(await mask.png().toBuffer());
};

/** Mean red, green and blue of a part of a picture, the part given in shares of its sides. */
export const colourAt = async (
  bytes: Uint8Array,
  [left, top, width, height]: readonly [number, number, number, number],
): Promise<number[]> => {
  const whole = await sharp(bytes).metadata();
  const area = {
    left: Math.floor(left * whole.width),
    top: Math.floor(top * whole.height),
    width: Math.floor(width * whole.width),
    height: Math.floor(height * whole.height),
  };
  const { channels } = await sharp(await sharp(bytes).extract(area).toBuffer()).stats();
  return channels.slice(0, 3).map(({ mean }) => Math.round(mean));
};
