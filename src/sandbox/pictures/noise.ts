/** Seeded randomness: the same seed gives the same picture on every machine. */

/** 32 well-mixed bits of a text. */
export const hashText = (text: string): number => {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  }
  return hash >>> 0;
};

const hashPoint = (x: number, y: number, seed: number): number => {
  let hash = Math.imul(x, 374761393) + Math.imul(y, 668265263) + seed;
  hash = Math.imul(hash ^ (hash >>> 13), 1274126177);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
};

/** Numbers from 0 to 1, one after the other. */
export const createRandom = (seed: number): (() => number) => {
  let index = 0;
  return () => hashPoint((index += 1), index >> 3, seed);
};

export type Noise = (x: number, y: number) => number;

const ease = (t: number): number => t * t * (3 - 2 * t);

/** Smooth noise from 0 to 1 with features of size 1. */
export const createNoise =
  (seed: number): Noise =>
  (x, y) => {
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [across, down] = [ease(x - left), ease(y - top)];
    const upper =
      hashPoint(left, top, seed) * (1 - across) + hashPoint(left + 1, top, seed) * across;
    const lower =
      hashPoint(left, top + 1, seed) * (1 - across) + hashPoint(left + 1, top + 1, seed) * across;
    return upper * (1 - down) + lower * down;
  };

/** Noise with finer and finer detail, from 0 to 1 around 0.5. */
export const layered = (noise: Noise, x: number, y: number, layers: number): number => {
  let [sum, weight, scale] = [0, 0.5, 1];
  for (let layer = 0; layer < layers; layer += 1) {
    sum += noise(x * scale, y * scale) * weight;
    weight /= 2;
    scale *= 2.03;
  }
  return sum / (1 - weight * 2);
};
