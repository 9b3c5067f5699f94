import { deflateSync, crc32 } from 'node:zlib';
import sharp from 'sharp';

/** Raw pixels with three channels. */
export interface Pixels {
  readonly data: Buffer;
  readonly width: number;
  readonly height: number;
}

export const pixelsOf = async (picture: string | Buffer): Promise<Pixels> => {
  const { data, info } = await sharp(picture)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`The picture has ${info.channels} channels.`);
  return { data, width: info.width, height: info.height };
};

/** A mask: one byte a pixel, 1 = the subject. */
export interface Mask {
  readonly on: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export const maskOf = async (
  picture: string | Buffer,
  width: number,
  height: number,
): Promise<Mask> => {
  const { data } = await sharp(picture)
    .resize(width, height, { fit: 'fill' })
    .removeAlpha()
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { on: Uint8Array.from(data, (value) => (value > 127 ? 1 : 0)), width, height };
};

/** Those pixels whose whole disc of `radius` lies in the mask. */
export const eroded = ({ on, width, height }: Mask, radius: number): Mask => {
  const disc: [number, number][] = [];
  for (let y = -radius; y <= radius; y++)
    for (let x = -radius; x <= radius; x++) if (x * x + y * y <= radius * radius) disc.push([x, y]);
  const result = new Uint8Array(on.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isInside = disc.every(([dx, dy]) => {
        const [nx, ny] = [x + dx, y + dy];
        return nx >= 0 && ny >= 0 && nx < width && ny < height && on[ny * width + nx] === 1;
      });
      result[y * width + x] = isInside ? 1 : 0;
    }
  }
  return { on: result, width, height };
};

/** Intersection over union. */
export const overlap = (a: Mask, b: Mask): number => {
  let [both, any] = [0, 0];
  a.on.forEach((value, at) => {
    both += value & (b.on[at] ?? 0);
    any += value | (b.on[at] ?? 0);
  });
  return both / any;
};

/** Peak signal-to-noise ratio in dB over the pixels of the mask; Infinity for equal ones. */
export const psnrInside = (a: Pixels, b: Pixels, { on }: Mask): number => {
  let [sum, count] = [0, 0];
  on.forEach((value, at) => {
    if (value !== 1) return;
    for (let channel = 0; channel < 3; channel++) {
      const difference = (a.data[at * 3 + channel] ?? 0) - (b.data[at * 3 + channel] ?? 0);
      sum += difference * difference;
      count += 1;
    }
  });
  return 10 * Math.log10((255 * 255) / (sum / count));
};

/** The share of pixels outside the mask whose channels differ by at least `least` on average. */
export const changedShareOutside = (a: Pixels, b: Pixels, { on }: Mask, least: number): number => {
  let [changed, count] = [0, 0];
  on.forEach((value, at) => {
    if (value === 1) return;
    const differences = [0, 1, 2].map((channel) =>
      Math.abs((a.data[at * 3 + channel] ?? 0) - (b.data[at * 3 + channel] ?? 0)),
    );
    count += 1;
    if (differences.reduce((sum, one) => sum + one, 0) / 3 >= least) changed += 1;
  });
  return changed / count;
};

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
};

/** A whole black PNG of any size with one bit a pixel: some kilobytes for 400 megapixels. */
export const hugePng = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(height * (1 + Math.ceil(width / 8))))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};
