/** Floors and backdrops: what a point of the scene looks like before light falls on it. */
import { createRandom, layered, type Noise } from './noise.js';
import type { Colour } from './raster.js';
import { mix, type ScenePlan } from './scene-plan.js';

/** How much lighter (to 1) or darker (to −1) the floor is at a point of its plane. */
export type Texture = (u: number, v: number, noise: Noise) => number;

const fraction = (value: number): number => value - Math.floor(value);

/** A dark line where two boards or tiles meet. */
const seam = (position: number, width: number): number =>
  Math.min(fraction(position), 1 - fraction(position)) < width ? -0.9 : 0;

export const TEXTURES: Readonly<Record<string, Texture>> = {
  plain: () => 0,
  wood: (u, v, noise) => {
    const board = Math.floor(v * 2.2);
    const grain = layered(noise, u * 1.6 + board * 31, v * 34, 3) - 0.5;
    const streak = layered(noise, u * 0.7 + board * 13, v * 9, 2) - 0.5;
    return (
      grain * 0.9 + streak * 0.9 + (noise(board * 7.3, 0.5) - 0.5) * 0.5 + seam(v * 2.2, 0.014)
    );
  },
  marble: (u, v, noise) => {
    const warp = layered(noise, u * 1.1, v * 1.1, 4) * 2.2;
    const vein = 1 - Math.abs(2 * layered(noise, u * 0.9 + warp, v * 0.9 - warp, 3) - 1);
    return 0.25 - vein ** 14 * 1.3 - layered(noise, u * 2, v * 2, 3) * 0.3;
  },
  stone: (u, v, noise) =>
    (layered(noise, u * 2.2, v * 2.2, 5) - 0.5) * 1.5 + (noise(u * 46, v * 46) - 0.5) * 0.35,
  fabric: (u, v, noise) => {
    const fold = layered(noise, u * 0.5, v * 0.4, 2) * 7;
    return Math.sin(u * 2.1 + v * 0.8 + fold) * 0.42 + (noise(u * 70, v * 70) - 0.5) * 0.18;
  },
  sand: (u, v, noise) => {
    const ripple = Math.sin(v * 13 + layered(noise, u * 1.4, v * 1.4, 3) * 8);
    return ripple * 0.22 + (noise(u * 90, v * 90) - 0.5) * 0.5;
  },
  grass: (u, v, noise) =>
    (noise(u * 58, v * 20) - 0.5) * 1.3 + (layered(noise, u * 3, v * 3, 3) - 0.5) * 0.9,
  snow: (u, v, noise) =>
    (layered(noise, u * 1.1, v * 1.1, 3) - 0.5) * 0.6 + (noise(u * 80, v * 80) > 0.93 ? 0.3 : 0),
  water: (u, v, noise) =>
    Math.sin(v * 8 + layered(noise, u * 1.6, v * 1.6, 3) * 11) * 0.45 +
    (noise(u * 7, v * 15) - 0.5) * 0.7,
  tiles: (u, v, noise) =>
    Math.min(seam(u * 1.7, 0.016), seam(v * 1.7, 0.016)) * 0.6 + (noise(u * 3, v * 3) - 0.5) * 0.16,
};

/** The colour behind the subject: x and y in picture heights, t from 0 at the top to the horizon. */
type Backdrop = (x: number, y: number, t: number) => Colour;

type MakeBackdrop = (plan: ScenePlan, noise: Noise, aspect: number) => Backdrop;

const WHITE: Colour = [255, 252, 246];
const smooth = (low: number, high: number, value: number): number => {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return t * t * (3 - 2 * t);
};

const sky: MakeBackdrop = ({ wall, glow, side }, noise, aspect) => {
  const above = mix(wall, [58, 92, 150], 0.45);
  return (x, y, t) => {
    const cloud = smooth(0.48, 0.78, layered(noise, x * 2.2, y * 6, 4)) * 0.5;
    const base = mix(mix(above, wall, smooth(0, 0.85, t)), WHITE, smooth(0.4, 1.1, t) * 0.35);
    const distance = Math.hypot(x - aspect * (0.5 + side * 0.3), (t - 0.72) * 0.6);
    const sun = glow * (smooth(0.075, 0.055, distance) * 0.9 + Math.exp(-distance * 4.5) * 0.7);
    return mix(mix(base, WHITE, cloud), [255, 236, 190], Math.min(1, sun));
  };
};

const mountains: MakeBackdrop = (plan, noise, aspect) => {
  const air = sky({ ...plan, glow: plan.glow * 0.5 }, noise, aspect);
  return (x, y, t) => {
    let colour = air(x, y, t);
    for (const [index, share] of [0.3, 0.5, 0.72].entries()) {
      const peak = layered(noise, x * (1.8 + index) + index * 50, 3, 4) * 0.46;
      const ridge = 0.66 + index * 0.17 - peak;
      const near = mix(mix(plan.wall, [52, 66, 86], share), WHITE, (1 - t) * 0.12);
      colour = mix(colour, near, smooth(ridge - 0.006, ridge + 0.006, t));
    }
    return colour;
  };
};

const sea: MakeBackdrop = (plan, noise, aspect) => {
  const air = sky(plan, noise, aspect);
  const deep = mix([28, 104, 136], plan.wall, plan.glow > 0.5 ? 0.45 : 0.12);
  return (x, y, t) => {
    const swell = layered(noise, x * 8, t * 46, 3) - 0.5;
    const water = mix(deep, WHITE, Math.max(0, smooth(0.62, 1.05, t) * 0.5 + swell * 0.3));
    const foam = smooth(0.955, 0.985, t + (noise(x * 7, 5) - 0.5) * 0.03);
    return mix(mix(air(x, y, t * 1.45), water, smooth(0.635, 0.645, t)), WHITE, foam * 0.8);
  };
};

/** Round spots of light, as a lens makes of what lies far behind the focus. */
const spots =
  (count: number, size: number, base: Colour, shade: Colour, lit: Colour): MakeBackdrop =>
  (plan, noise, aspect) => {
    const random = createRandom(plan.seed + 7);
    const discs = Array.from({ length: count }, () => ({
      x: random() * aspect,
      y: random() * 0.95,
      radius: size * (0.35 + random()),
      strength: 0.12 + random() * 0.5,
      tone: random(),
    }));
    return (x, y, t) => {
      const cloud = layered(noise, x * 2.6, y * 2.6, 3);
      let colour = mix(base, shade, smooth(0.25, 0.75, cloud) * (1 - t * 0.25));
      for (const { x: cx, y: cy, radius, strength, tone } of discs) {
        const [dx, dy] = [x - cx, y - cy];
        if (Math.abs(dx) > radius || Math.abs(dy) > radius) continue;
        const distance = Math.hypot(dx, dy) / radius;
        const edge = smooth(1, 0.8, distance) * (0.7 + 0.3 * distance);
        colour = mix(colour, mix(lit, base, tone * 0.8), edge * strength);
      }
      return colour;
    };
  };

const stars: MakeBackdrop = (plan, noise) => (x, y) => {
  const cloud = layered(noise, x * 2, y * 2, 4);
  const base = mix(plan.wall, [128, 70, 150], smooth(0.45, 0.8, cloud) * 0.6);
  const star = noise(x * 110, y * 110) > 0.94 ? noise(x * 47, y * 47) : 0;
  return mix(base, WHITE, star);
};

export const BACKDROPS: Readonly<Record<string, MakeBackdrop>> = {
  plain:
    ({ wall }) =>
    (_x, _y, t) =>
      mix(mix(wall, WHITE, 0.16), wall, smooth(0, 1, t)),
  sky,
  sea,
  mountains,
  stars,
  leaves: (plan, ...rest) => {
    const [shade, lit] = [
      mix(plan.wall, [14, 26, 16], 0.62),
      mix(plan.wall, [244, 250, 196], 0.62),
    ];
    return spots(120, 0.05, plan.wall, shade, lit)(plan, ...rest);
  },
  bokeh: (plan, ...rest) => {
    const shade = mix(plan.wall, [14, 12, 20], 0.6);
    return spots(46, 0.06, plan.wall, shade, mix(plan.wall, [255, 220, 160], 0.85))(plan, ...rest);
  },
};
