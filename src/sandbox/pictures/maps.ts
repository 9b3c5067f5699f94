/** Maps of a picture that a control net would be given: edges, and something like depth. */
import opencv from '@techstark/opencv-js';
import { firstFrame, mask, type Image, type Mask } from '../values.js';
import { blurMask } from './codec.js';
import { greyImage } from './raster.js';

const brightness = (frame: Uint8Array, at: number): number =>
  (frame[at * 3] ?? 0) * 0.299 +
  (frame[at * 3 + 1] ?? 0) * 0.587 +
  (frame[at * 3 + 2] ?? 0) * 0.114;

/** White lines on black; the thresholds run from 0 to 255. */
export const traceEdges = async (picture: Image, low: number, high: number): Promise<Image> => {
  const cv = await (opencv as unknown as Promise<typeof opencv>);
  const { width, height } = picture;
  const frame = firstFrame(picture);
  const [grey, edges] = [new cv.Mat(height, width, cv.CV_8UC1), new cv.Mat()];
  const data = grey.data as Uint8Array;
  for (let at = 0; at < data.length; at += 1) data[at] = brightness(frame, at);
  cv.Canny(grey, edges, low, high);
  const lines = greyImage(mask(width, height, Uint8Array.from(edges.data as Uint8Array)));
  grey.delete();
  edges.delete();
  return lines;
};

/** Near is bright: the subject, what is low in the picture, and a little of its brightness. */
export const guessDepth = async (picture: Image, subject: Mask): Promise<Image> => {
  const { width, height } = picture;
  const frame = firstFrame(picture);
  const round = await blurMask(subject, Math.max(width, height) / 60);
  const depth = round.data.map((value, at) => {
    const low = Math.floor(at / width) / height;
    return value * 0.55 + low * 70 + brightness(frame, at) * 0.15;
  });
  return greyImage(mask(width, height, depth));
};
