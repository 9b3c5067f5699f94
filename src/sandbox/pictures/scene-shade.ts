/** How much light reaches the ground under and beside the subject: 255 is all of it. */
import { mask, type Mask } from '../values.js';
import { resizeMask } from './codec.js';
import type { Stance } from './scene-painter.js';

/** Shadows are soft, so they are made at a fraction of the size. */
const SHRINK = 4;

/** `side` is where the light comes from; the cast shadow falls to the other. */
export const castShade = (
  repaint: Uint8Array,
  width: number,
  height: number,
  stance: Stance,
  side: number,
): Promise<Mask> => {
  const [w, h] = [Math.ceil(width / SHRINK), Math.ceil(height / SHRINK)];
  const bottom = (stance.top + stance.height) / SHRINK;
  const tall = stance.height / SHRINK;
  const isSubject = (x: number, y: number): number => {
    const [column, row] = [Math.round(x * SHRINK), Math.round(y * SHRINK)];
    if (column < 0 || row < 0 || column >= width || row >= height) return 0;
    return 1 - (repaint[row * width + column] ?? 255) / 255;
  };
  // Seen from the side a shadow lies flat on the ground; from above it is the outline, moved.
  const squash = 0.16 + 0.72 * stance.elevation;
  const slant = -side * (0.55 - 0.35 * stance.elevation);
  const drop = tall * 0.045;
  const cast = new Float32Array(w * h);
  const contact = new Float32Array(w * h);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      const rise = (bottom + drop - y) / squash;
      cast[y * w + x] = isSubject(x - slant * rise * 0.5 + side * drop, bottom - rise);
      const isLow = y > bottom - tall * (0.22 + 0.6 * stance.elevation);
      contact[y * w + x] = isLow ? isSubject(x + side * drop * 0.2, y - drop * 0.55) : 0;
    }
  }
  const size = Math.max(w, h);
  const wide = blur(cast, w, h, Math.max(1, Math.round(size * 0.026)));
  const tight = blur(contact, w, h, Math.max(1, Math.round(size * 0.007)));
  const light = Uint8Array.from(
    wide,
    (value, at) => 255 * (1 - (0.4 * value + 0.42 * (tight[at] ?? 0))),
  );
  return resizeMask(mask(w, h, light), width, height);
};

/** Three box blurs, close to a Gaussian. */
const blur = (source: Float32Array, w: number, h: number, radius: number): Float32Array => {
  let current = source;
  for (let pass = 0; pass < 3; pass += 1) {
    current = blurLines(blurLines(current, w, h, 1, w, radius), h, w, w, 1, radius);
  }
  return current;
};

const blurLines = (
  source: Float32Array,
  length: number,
  lines: number,
  step: number,
  stride: number,
  radius: number,
): Float32Array => {
  const out = new Float32Array(source.length);
  const span = 2 * radius + 1;
  for (let line = 0; line < lines; line += 1) {
    const start = line * stride;
    const at = (index: number) =>
      source[start + Math.min(length - 1, Math.max(0, index)) * step] ?? 0;
    let sum = 0;
    for (let index = -radius; index <= radius; index += 1) sum += at(index);
    for (let index = 0; index < length; index += 1) {
      out[start + index * step] = sum / span;
      sum += at(index + radius + 1) - at(index - radius);
    }
  }
  return out;
};
