/** Pixel arithmetic on raw frames and masks that sharp has no exact form for. */
import { image, mask, type Image, type Mask } from '../values.js';

export type Colour = readonly [red: number, green: number, blue: number];

/** The channels of 0xRRGGBB. */
export const colourOf = (value: number): Colour => [
  (value >> 16) & 255,
  (value >> 8) & 255,
  value & 255,
];

export const fillFrame = (
  width: number,
  height: number,
  [red, green, blue]: Colour,
): Uint8Array => {
  const frame = new Uint8Array(width * height * 3);
  for (let at = 0; at < frame.length; at += 3) {
    frame[at] = red;
    frame[at + 1] = green;
    frame[at + 2] = blue;
  }
  return frame;
};

/** Pastes `above` at (x, y); a mask value of 255 copies the pixel, 0 leaves it, between blends. */
export const composite = (
  below: Image,
  above: Image,
  x: number,
  y: number,
  through?: Mask,
): Image => {
  const count = Math.max(below.frames.length, above.frames.length);
  const frames: Uint8Array[] = [];
  const [left, right] = [Math.max(0, x), Math.min(below.width, x + above.width)];
  const [top, bottom] = [Math.max(0, y), Math.min(below.height, y + above.height)];
  for (let index = 0; index < count; index += 1) {
    const out = (below.frames[index % below.frames.length] ?? new Uint8Array()).slice();
    const source = above.frames[index % above.frames.length] ?? new Uint8Array();
    for (let row = top; row < bottom; row += 1) {
      for (let column = left; column < right; column += 1) {
        const from = (row - y) * above.width + (column - x);
        const weight = through ? (through.data[from] ?? 0) : 255;
        if (weight === 0) continue;
        const to = (row * below.width + column) * 3;
        for (let channel = 0; channel < 3; channel += 1) {
          const value = source[from * 3 + channel] ?? 0;
          const mixed = value * weight + (out[to + channel] ?? 0) * (255 - weight);
          out[to + channel] = Math.round(mixed / 255);
        }
      }
    }
    frames.push(out);
  }
  const isMarked = below.isMarked === true || above.isMarked === true;
  return { ...image(below.width, below.height, frames), isMarked };
};

/** Grows (or for a negative count erodes) a mask pixel by pixel; `tapered` leaves corners out. */
export const grow = (source: Mask, count: number, tapered: boolean): Mask => {
  const { width, height } = source;
  const flip = (data: Uint8Array) => (count < 0 ? data.map((value) => 255 - value) : data);
  let current = flip(source.data);
  for (let round = 0; round < Math.abs(count); round += 1) {
    const across = widen(current, width, 1, width);
    const down = widen(tapered ? current : across, width * height, width, width * height);
    current = tapered ? down.map((value, at) => Math.max(value, across[at] ?? 0)) : down;
  }
  return mask(width, height, flip(current));
};

/** The greatest of each value and its two neighbours `step` away in the same line. */
const widen = (data: Uint8Array, lineLength: number, step: number, period: number): Uint8Array => {
  const out = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 1) {
    const inLine = at % period;
    let value = data[at] as number;
    if (inLine >= step && (data[at - step] as number) > value) value = data[at - step] as number;
    if (inLine + step < lineLength && (data[at + step] as number) > value) {
      value = data[at + step] as number;
    }
    out[at] = value;
  }
  return out;
};

/** A wider canvas of mid grey, and the mask of what was added, fading into the picture. */
export const padFrame = (picture: Image, sides: readonly number[], feather: number) => {
  const [left = 0, top = 0, right = 0, bottom = 0] = sides;
  const width = picture.width + left + right;
  const height = picture.height + top + bottom;
  const grey = image(width, height, [fillFrame(width, height, [128, 128, 128])]);
  const { frames } = composite(grey, picture, left, top);
  const added = new Uint8Array(width * height).fill(255);
  const { width: inner, height: tall } = picture;
  const isFeathered = feather > 0 && feather * 2 < inner && feather * 2 < tall;
  for (let y = 0; y < tall; y += 1) {
    for (let x = 0; x < inner; x += 1) {
      const far = feather;
      const distances = [
        left ? x : far,
        top ? y : far,
        right ? inner - x : far,
        bottom ? tall - y : far,
      ];
      const rise = isFeathered ? Math.max(0, (feather - Math.min(...distances)) / feather) : 0;
      added[(y + top) * width + x + left] = Math.round(255 * rise * rise);
    }
  }
  return { width, height, frames, added };
};

/** The smallest box that holds every set pixel, or undefined for an empty mask. */
export const boxOf = ({ width, height, data }: Mask) => {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let at = 0; at < data.length; at += 1) {
    if ((data[at] ?? 0) < 128) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
};

/** A grey picture from one value a pixel. */
export const greyImage = ({ width, height, data }: Mask): Image => {
  const frame = new Uint8Array(data.length * 3);
  data.forEach((value, at) => frame.fill(value, at * 3, at * 3 + 3));
  return image(width, height, [frame]);
};
