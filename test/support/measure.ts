import sharp from 'sharp';

/** Pictures compared at the original resolution, as the acceptance of issue 4 wants it. */

const rgbOf = async (file: Buffer, width: number, height: number): Promise<Buffer> =>
  sharp(file)
    .removeAlpha()
    .toColourspace('srgb')
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer();

const maskOf = async (file: Buffer, width: number, height: number): Promise<Buffer> =>
  sharp(file)
    .removeAlpha()
    .toColourspace('b-w')
    .resize(width, height, { fit: 'fill' })
    .threshold(128)
    .raw()
    .toBuffer();

/** White pixels whose whole neighbourhood within `by` pixels is white. */
const eroded = (mask: Buffer, width: number, height: number, by: number): Buffer => {
  const result = Buffer.from(mask);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let dy = -by; dy <= by && result[y * width + x]; dy += 1) {
        for (let dx = -by; dx <= by; dx += 1) {
          const [u, v] = [x + dx, y + dy];
          if (u < 0 || v < 0 || u >= width || v >= height || !mask[v * width + u]) {
            result[y * width + x] = 0;
            break;
          }
        }
      }
    }
  }
  return result;
};

export interface Measured {
  readonly overlap: number;
  /** dB inside the returned mask, eroded by 5 pixels. */
  readonly psnrInside: number;
  /** Share of the pixels outside whose channels differ by 25 or more on average. */
  readonly changedOutside: number;
}

export const measure = async (files: {
  readonly source: Buffer;
  readonly result: Buffer;
  readonly mask: Buffer;
  readonly truth: Buffer;
}): Promise<Measured> => {
  const { width, height } = await sharp(files.source).metadata();
  const [source, result] = [
    await rgbOf(files.source, width, height),
    await rgbOf(files.result, width, height),
  ];
  const [mask, truth] = [
    await maskOf(files.mask, width, height),
    await maskOf(files.truth, width, height),
  ];
  const inner = eroded(mask, width, height, 5);
  let [both, either, squares, inside, changed, outside] = [0, 0, 0, 0, 0, 0];
  for (let at = 0; at < mask.length; at += 1) {
    both += Number(mask[at]! > 0 && truth[at]! > 0);
    either += Number(mask[at]! > 0 || truth[at]! > 0);
    const differences = [0, 1, 2].map((c) => Math.abs(source[at * 3 + c]! - result[at * 3 + c]!));
    if (inner[at]) {
      squares += differences.reduce((sum, one) => sum + one * one, 0) / 3;
      inside += 1;
    }
    if (!mask[at]) {
      changed += Number(differences.reduce((sum, one) => sum + one, 0) / 3 >= 25);
      outside += 1;
    }
  }
  const error = squares / inside;
  return {
    overlap: both / either,
    psnrInside: error === 0 ? Infinity : 10 * Math.log10(255 ** 2 / error),
    changedOutside: changed / outside,
  };
};
