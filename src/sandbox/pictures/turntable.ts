/**
 * An object on white, turned once around: each row of its outline is a slice of a cylinder with the
 * photograph on its front and, mirrored, on its back. Slices off the axis travel around it, and the
 * object is taken to be shallower than wide, so that the outline changes too.
 */
import { firstFrame, image, type Image } from '../values.js';

const DEPTH_RATIO = 0.72;
const WHITE_FROM = 247;
/** The outermost pixels are half background. */
const SAFE = 0.94;

interface Slice {
  readonly y: number;
  readonly centre: number;
  readonly radius: number;
}

export const turn = (object: Image, count: number): Image => {
  const { width, height } = object;
  const frame = firstFrame(object);
  const slices = sliceUp(frame, width, height);
  const axis = slices.reduce((sum, slice) => sum + slice.centre, 0) / Math.max(1, slices.length);
  const frames = Array.from({ length: count }, (_, index) => {
    const angle = (2 * Math.PI * index) / Math.max(1, count - 1);
    const squeeze = Math.hypot(Math.cos(angle), DEPTH_RATIO * Math.sin(angle));
    const out = new Uint8Array(frame.length).fill(255);
    for (const { y, centre, radius } of slices) {
      const middle = axis + (centre - axis) * Math.cos(angle);
      const reach = Math.max(1, radius * squeeze);
      for (let x = Math.ceil(middle - reach); x <= middle + reach; x += 1) {
        if (x < 0 || x >= width) continue;
        const across = Math.max(-1, Math.min(1, (x - middle) / reach));
        const around = Math.asin(across) + angle;
        const from = centre + radius * SAFE * Math.sin(around);
        const light = 1 - 0.3 * Math.abs(Math.sin(angle)) * across * across;
        copyPixel(frame, out, y * width, Math.round(from), x, light);
      }
    }
    return out;
  });
  return image(width, height, frames);
};

const copyPixel = (
  from: Uint8Array,
  to: Uint8Array,
  row: number,
  source: number,
  target: number,
  light: number,
): void => {
  for (let channel = 0; channel < 3; channel += 1) {
    to[(row + target) * 3 + channel] = (from[(row + source) * 3 + channel] ?? 255) * light;
  }
};

/** Where the object is not white, row by row. */
const sliceUp = (frame: Uint8Array, width: number, height: number): Slice[] => {
  const slices: Slice[] = [];
  for (let y = 0; y < height; y += 1) {
    let [left, right] = [width, -1];
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * 3;
      const darkest = Math.min(frame[at] ?? 255, frame[at + 1] ?? 255, frame[at + 2] ?? 255);
      if (darkest >= WHITE_FROM) continue;
      left = Math.min(left, x);
      right = x;
    }
    if (right > left) slices.push({ y, centre: (left + right) / 2, radius: (right - left) / 2 });
  }
  return slices;
};
