/** A garment's cloth out of its photograph, without the ground that it lies on. */
import { boxOf } from '../pictures/raster.js';
import { findIn } from '../pictures/subject-mask.js';
import { firstFrame, image, type Image } from '../values.js';
import { fullOf, part, partOfMask } from './picture-parts.js';

const CLOTH = 200;
const GROUND_DISTANCE = 0.034;
/** Against tint, of a sum of three channels. */
const SHADE_WEIGHT = 0.000_1;
/** Of cloth: pixels at its edge that are half ground, and the least width of a row. */
const EDGE = 3;
const NARROW = 0.25;

/** The garment's box, all cloth: where it is not, its rows go on beyond their ends as in a mirror. */
export const cutGarment = async (garment: Image): Promise<Image> => {
  const found = await findIn(garment, 'subject', { gpuMs: undefined });
  const box = boxOf(found) ?? fullOf(garment);
  const picture = await part(garment, box);
  const frame = firstFrame(picture).slice();
  const data = withoutGround(partOfMask(found, box).data, frame, groundOf(garment));
  const stride = box.width * 3;
  for (let row = box.height - 1; row >= 0; row -= 1) {
    const run = longestRun(data.subarray(row * box.width, (row + 1) * box.width));
    const [start, length] = [run.start + EDGE, run.length - 2 * EDGE];
    if (length < box.width * NARROW) {
      // A collar's tips: the row below goes on.
      frame.copyWithin(row * stride, (row + 1) * stride, (row + 2) * stride);
      continue;
    }
    for (let column = 0; column < box.width; column += 1) {
      const to = row * box.width + column;
      if (column >= start && column < start + length) continue;
      const from = row * box.width + start + mirrored(column - start, length);
      frame.copyWithin(to * 3, from * 3, from * 3 + 3);
    }
  }
  return image(box.width, box.height, [frame]);
};

/** The commonest colour of the picture's border. */
const groundOf = (picture: Image): readonly number[] => {
  const { width, height } = picture;
  const frame = firstFrame(picture);
  const border = Array.from({ length: width }, (_, x) => [x, (height - 1) * width + x]).flat();
  return [0, 1, 2].map((channel) => {
    const values = border.map((at) => frame[at * 3 + channel] ?? 0).sort((a, b) => a - b);
    return values[values.length >> 1] ?? 0;
  });
};

/** What shows through between sleeve and body is no cloth; its shade may differ, its tint does not. */
const withoutGround = (
  data: Uint8Array,
  frame: Uint8Array,
  ground: readonly number[],
): Uint8Array => {
  const sumOf = (parts: readonly number[]) => parts.reduce((sum, one) => sum + one, 1);
  const groundSum = sumOf(ground);
  return data.map((value, at) => {
    const colour = [0, 1, 2].map((channel) => frame[at * 3 + channel] ?? 0);
    const sum = sumOf(colour);
    const tint = colour.map((one, channel) =>
      Math.abs(one / sum - (ground[channel] ?? 0) / groundSum),
    );
    const distance = sumOf(tint) - 1 + Math.abs(sum - groundSum) * SHADE_WEIGHT;
    return distance < GROUND_DISTANCE ? 0 : value;
  });
};

/** The longest stretch of a row that is surely cloth. */
const longestRun = (row: Uint8Array) => {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= row.length; at += 1) {
    if ((row[at] ?? 0) > CLOTH) continue;
    if (at - start > best.length) best = { start, length: at - start };
    start = at + 1;
  }
  return best;
};

const mirrored = (offset: number, length: number): number => {
  const turn = ((offset % (2 * length)) + 2 * length) % (2 * length);
  return turn < length ? turn : 2 * length - 1 - turn;
};
