/** What is looked for in a picture, as a mask of the picture's own size. */
import { blurMask, resize, resizeMask } from './codec.js';
import { firstFrame, mask, type Image, type Mask } from '../values.js';

/** `garment` is what a person wears; without a person it is the subject. */
export type Wanted = 'subject' | 'garment' | 'face' | 'nothing';

/** GrabCut is slow and unstable above this size. */
const WORKING_SIZE = 320;

/** The same picture is asked about by several nodes of a graph. */
const found = new WeakMap<Uint8Array, Map<Wanted, Promise<Mask>>>();

/** Black if there is none. A load test (`gpuMs`) gets the lower part at no cost. */
export const findIn = (
  picture: Image,
  wanted: Wanted,
  { gpuMs }: { readonly gpuMs: number | undefined },
): Promise<Mask> => {
  const { width, height } = picture;
  if (wanted === 'nothing' || gpuMs !== undefined) {
    const data = new Uint8Array(width * height);
    return Promise.resolve(
      mask(width, height, wanted === 'nothing' ? data : data.fill(255, data.length >> 2)),
    );
  }
  const frame = firstFrame(picture);
  const answers = found.get(frame) ?? new Map<Wanted, Promise<Mask>>();
  found.set(frame, answers);
  const answer = answers.get(wanted) ?? search(picture, wanted);
  answers.set(wanted, answer);
  return answer;
};

const search = async (picture: Image, wanted: Exclude<Wanted, 'nothing'>): Promise<Mask> => {
  const scale = Math.min(1, WORKING_SIZE / Math.max(picture.width, picture.height));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  const small = await resize(picture, side(picture.width), side(picture.height), 'bilinear');
  const { width, height } = small;
  // OpenCV is large: only a cut-out loads it.
  const { cutOut } = await import('./cutout.js');
  const data = await cutOut({ wanted, width, height, frame: firstFrame(small) });
  const large = await resizeMask(mask(width, height, data), picture.width, picture.height);
  return sharpenEdge(await blurMask(large, 0.9 / scale));
};

/** Blurring rounds the steps of the small mask off; the edge is then made narrow again. */
const sharpenEdge = (source: Mask): Mask => {
  const data = source.data.map((value) => Math.min(255, Math.max(0, (value - 128) * 2.6 + 128)));
  return mask(source.width, source.height, data);
};
