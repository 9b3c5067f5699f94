/**
 * Paints another place around a subject: backdrop, floor in perspective, one light, a contact and a
 * cast shadow from the subject's outline. Deterministic by words and seed.
 */
import { firstFrame, image, mask } from '../values.js';
import { resize } from './codec.js';
import { createNoise, createRandom } from './noise.js';
import { boxOf, type Colour } from './raster.js';
import { mix, planScene, type ScenePlan } from './scene-plan.js';
import { BACKDROPS, TEXTURES } from './scene-textures.js';
import { castShade } from './scene-shade.js';

export interface SceneRequest {
  readonly width: number;
  readonly height: number;
  /** The source; the new place keeps away from its colours. */
  readonly frame: Uint8Array;
  /** 255 where the place is painted, 0 where the subject stands. */
  readonly repaint: Uint8Array;
  readonly text: string;
  readonly seed: number;
}

/** Where the subject stands: its box in pixels, and from how high it was photographed, 0 to 1. */
export interface Stance {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly elevation: number;
}

/** A round base is seen from above: its last rows are much narrower than the whole. */
const findStance = ({ width, height, repaint }: SceneRequest): Stance | undefined => {
  const subject = mask(
    width,
    height,
    repaint.map((value) => 255 - value),
  );
  const box = boxOf(subject);
  if (!box || box.width * box.height < width * height * 0.004) return undefined;
  if (box.top + box.height > height * 0.985) return undefined;
  const row = Math.floor(box.top + box.height * 0.96);
  const line = subject.data.subarray(row * width, (row + 1) * width);
  const base = line.reduce((sum, value) => sum + (value > 127 ? 1 : 0), 0) / box.width;
  return { ...box, elevation: Math.min(1, Math.max(0, 1.15 - base * 1.4)) };
};

const horizonOf = (stance: Stance | undefined, height: number): number => {
  if (!stance) return height * 0.74;
  const rise = stance.height * (0.3 + 0.68 * stance.elevation);
  return Math.min(height * 0.8, Math.max(height * 0.1, stance.top + stance.height - rise));
};

const clampByte = (value: number): number => Math.min(255, Math.max(0, value));

/** The place is soft and painted at a fraction of the size; grain comes at full size. */
const SHRINK = 2;

/** Exposures to try until the place differs from the source nearly everywhere. */
const EXPOSURES = [0, 0.22, -0.22, 0.4, -0.4, 0.65, -0.58, 1, -0.72, 1.5];
const DIFFERENT_MEAN = 30;
const DIFFERENT_SHARE = 0.94;

export const paintScene = async (request: SceneRequest): Promise<Uint8Array> => {
  const { width, height, frame, repaint } = request;
  const plan = planScene(request.text, request.seed);
  const stance = findStance(request);
  const [w, h] = [Math.ceil(width / SHRINK), Math.ceil(height / SHRINK)];
  const place = paintPlace(plan, stance && shrink(stance), w, h);
  const exposure = chooseExposure(place, w, request, plan.light < 0 ? -1 : 1);
  const exposed = new Uint8Array(place.length);
  place.forEach((value, at) => (exposed[at] = clampByte(expose(value, exposure))));
  const lit = firstFrame(await resize(image(w, h, [exposed]), width, height, 'bilinear'));
  const shade = stance && (await castShade(repaint, width, height, stance, plan.side));
  const grain = createRandom(plan.seed);
  const out = frame.slice();
  for (let pixel = 0; pixel < repaint.length; pixel += 1) {
    const share = (repaint[pixel] ?? 0) / 255;
    if (share === 0) continue;
    const light = shade ? (shade.data[pixel] ?? 0) / 255 : 1;
    const speck = (grain() - 0.5) * 5;
    for (let at = pixel * 3; at < pixel * 3 + 3; at += 1) {
      const painted = (lit[at] ?? 0) * light + speck;
      out[at] = clampByte(Math.round(painted * share + (frame[at] ?? 0) * (1 - share)));
    }
  }
  return out;
};

const shrink = ({ left, top, width, height, elevation }: Stance): Stance => ({
  left: left / SHRINK,
  top: top / SHRINK,
  width: width / SHRINK,
  height: height / SHRINK,
  elevation,
});

/** Brighter is partly stronger and partly whiter, as a longer exposure looks. */
const expose = (value: number, exposure: number): number =>
  exposure < 0
    ? value * (1 + exposure)
    : roll(value * (1 + exposure * 0.7) + (255 - value) * exposure * 0.22);

const chooseExposure = (
  place: Float32Array,
  placeWidth: number,
  { width, frame, repaint }: SceneRequest,
  direction: 1 | -1,
): number => {
  let best = { exposure: 0, share: -1 };
  for (const step of EXPOSURES) {
    const exposure = Math.max(-0.75, step * direction);
    let [far, all] = [0, 0];
    for (let pixel = 0; pixel < repaint.length; pixel += 37) {
      if ((repaint[pixel] ?? 0) < 255) continue;
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      const from = (Math.floor(y / SHRINK) * placeWidth + Math.floor(x / SHRINK)) * 3;
      let difference = 0;
      for (let channel = 0; channel < 3; channel += 1) {
        const lit = clampByte(expose(place[from + channel] ?? 0, exposure));
        difference += Math.abs(lit - (frame[pixel * 3 + channel] ?? 0));
      }
      all += 1;
      if (difference / 3 >= DIFFERENT_MEAN) far += 1;
    }
    const share = all === 0 ? 1 : far / all;
    if (share > best.share) best = { exposure, share };
    if (share >= DIFFERENT_SHARE) break;
  }
  return best.exposure;
};

/** The place without the subject. */
const paintPlace = (
  plan: ScenePlan,
  stance: Stance | undefined,
  width: number,
  height: number,
): Float32Array => {
  const noise = createNoise(plan.seed);
  const aspect = width / height;
  const backdrop = (BACKDROPS[plan.backdrop] ?? BACKDROPS['plain'])?.(plan, noise, aspect);
  const texture = TEXTURES[plan.texture] ?? (() => 0);
  const horizon = horizonOf(stance, height);
  const isFar = ['sea', 'sky', 'mountains'].includes(plan.backdrop);
  const isSweep = plan.backdrop === 'plain' && plan.texture === 'plain';
  const softness = height * (isSweep ? 0.2 : isFar ? 0.012 : 0.034);
  const nearness = 0.16 + (stance?.elevation ?? 0) * 0.9;
  const light = createLight(plan, width, height);
  const place = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const ground = Math.min(1, Math.max(0, (y - horizon) / softness + 0.5));
    const down = Math.max(0, (y - horizon) / (height - horizon));
    const depth = 1 / (nearness + down);
    const clarity = Math.min(1, 0.25 + down * 2.2);
    for (let x = 0; x < width; x += 1) {
      let colour: Colour = plan.wall;
      if (ground < 1 && backdrop)
        colour = backdrop(x / height, y / height, Math.min(1, y / horizon));
      if (ground > 0) {
        const u = ((x - width / 2) / height) * depth * 2.6;
        const tone = texture(u, depth * 2.6, noise) * clarity * 0.34;
        const floor = mix(plan.floor, tone > 0 ? [255, 255, 255] : [8, 8, 10], Math.abs(tone));
        colour = mix(colour, floor, ground * ground * (3 - 2 * ground));
      }
      place.set(light(colour, x, y), (y * width + x) * 3);
    }
  }
  return place;
};

/** One soft lamp, a vignette, and the mood's brightness and warmth. */
const createLight = (plan: ScenePlan, width: number, height: number) => {
  const [lampX, lampY] = [width * (0.5 + plan.side * 0.24), height * 0.34];
  const reach = Math.hypot(width, height) * 0.62;
  const gain = 1.06 + plan.light * 0.72;
  const [red, blue] = [1 + plan.warmth * 0.15, 1 - plan.warmth * 0.24];
  return (colour: Colour, x: number, y: number): Colour => {
    const distance = Math.hypot(x - lampX, y - lampY) / reach;
    const fall = gain * (1.04 - distance * distance * (0.2 + plan.glow * 0.5));
    const lamp = plan.glow * Math.exp(-distance * distance * 5) * 26;
    return [
      roll((colour[0] * fall + lamp) * red),
      roll(colour[1] * fall + lamp * 0.9),
      roll((colour[2] * fall + lamp * 0.7) * blue),
    ];
  };
};

/** Bright values run softly towards white in place of burning out. */
const roll = (value: number): number =>
  value <= 196 ? Math.max(0, value) : 255 - 59 * Math.exp((196 - value) / 59);
