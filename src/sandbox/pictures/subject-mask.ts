/** The cut-out of a picture at its full size. */
import { blurMask, resize, resizeMask } from './codec.js';
import { firstFrame, mask, type Image, type Mask } from '../values.js';

/** GrabCut is slow and unstable above this (docs: stack, cut-outs). */
const WORKING_SIZE = 320;

export const findSubject = async (picture: Image, want: 'subject' | 'garment'): Promise<Mask> => {
  const scale = Math.min(1, WORKING_SIZE / Math.max(picture.width, picture.height));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  const small = await resize(picture, side(picture.width), side(picture.height), 'bilinear');
  const { width, height } = small;
  // OpenCV is large: only a cut-out loads it.
  const { cutOut } = await import('./cutout.js');
  const data = await cutOut({ want, width, height, frame: firstFrame(small) });
  const large = await resizeMask(mask(width, height, data), picture.width, picture.height);
  return sharpenEdge(await blurMask(large, 0.9 / scale));
};

/** Blurring rounds the steps of the small mask off; the edge is then made narrow again. */
const sharpenEdge = (source: Mask): Mask => {
  const data = source.data.map((value) => Math.min(255, Math.max(0, (value - 128) * 2.6 + 128)));
  return mask(source.width, source.height, data);
};
