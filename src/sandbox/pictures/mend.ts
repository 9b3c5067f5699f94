/** Local repairs: what is under a mask is filled from around it, or made crisper. */
import { composite } from './raster.js';
import { blurMask, eachFrame } from './codec.js';
import { firstFrame, image, mask, type Image, type Mask } from '../values.js';

/**
 * Fills the area from its surroundings and mixes that with what was there; nothing else changes.
 * `strength` is the sampler's denoise.
 */
export const mend = async (picture: Image, area: Mask, strength: number): Promise<Image> => {
  const { width, height } = picture;
  const frame = firstFrame(picture);
  const covered = area.data.reduce((sum, value) => sum + value / 255, 0);
  const sigma = Math.max(2, Math.min(120, Math.sqrt(covered) / 2.2));
  const known = mask(
    width,
    height,
    area.data.map((value) => 255 - value),
  );
  const weight = await blurMask(known, sigma);
  const filled = frame.slice();
  for (let channel = 0; channel < 3; channel += 1) {
    const plane = known.data.map((value, at) => ((frame[at * 3 + channel] ?? 0) * value) / 255);
    const spread = await blurMask(mask(width, height, plane), sigma);
    spread.data.forEach((value, at) => {
      const share = (weight.data[at] ?? 0) / 255;
      if (share > 0.02) filled[at * 3 + channel] = Math.min(255, value / share);
    });
  }
  const mixed = Math.min(1, strength * 1.9);
  const through = mask(
    width,
    height,
    area.data.map((value) => value * mixed),
  );
  return composite(picture, image(width, height, [filled]), 0, 0, through);
};

/** Makes the area crisper; nothing else changes. */
export const refine = async (picture: Image, area: Mask, strength: number): Promise<Image> => {
  const m2 = 1 + strength * 4;
  const crisp = await eachFrame(picture, (pipeline) =>
    pipeline.sharpen({ sigma: 1.4, m1: 0.6, m2 }),
  );
  return composite(picture, crisp, 0, 0, area);
};
