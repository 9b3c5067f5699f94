/** From the words of a prompt to what is painted: palette, floor, backdrop and light. */
import { createRandom, hashText } from './noise.js';
import type { Colour } from './raster.js';
import vocabulary from './scene-vocabulary.json' with { type: 'json' };

export interface ScenePlan {
  readonly seed: number;
  readonly wall: Colour;
  readonly floor: Colour;
  readonly texture: string;
  readonly backdrop: string;
  /** −1 dark … 1 bright. */
  readonly light: number;
  /** −1 cold … 1 warm. */
  readonly warmth: number;
  /** 0 flat … 1 all in one light. */
  readonly glow: number;
  /** Where the light comes from: −1 left … 1 right. */
  readonly side: number;
}

interface Place {
  readonly backdrop?: string;
  readonly wall?: number[];
  readonly light?: number;
  readonly warmth?: number;
  readonly glow?: number;
  readonly pastel?: number;
}

const COLOURS: Readonly<Record<string, number[]>> = vocabulary.colours;
const MATERIALS: Readonly<Record<string, { texture: string; colour: number[] }>> =
  vocabulary.materials;
const PLACES: Readonly<Record<string, Place>> = vocabulary.places;
const MOODS: Readonly<Record<string, Place>> = vocabulary.moods;
/** For prompts that name none of our words: quiet studio walls. */
const DEFAULTS = ['beige', 'sage', 'lavender', 'peach', 'sky', 'rose', 'mint', 'grey'];

const asColour = ([red = 0, green = 0, blue = 0]: readonly number[]): Colour => [red, green, blue];
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/** Same words and seed, same plan. A colour right before a material colours that, else the wall. */
export const planScene = (text: string, seed: number): ScenePlan => {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  const random = createRandom((hashText(text) ^ seed) >>> 0);
  let wall: Colour | undefined;
  let place: Place = {};
  let material: { texture: string; colour: Colour } | undefined;
  let related: Colour | undefined;
  let isNamed = false;
  let [light, warmth, glow, pastel] = [0, 0, 0, 0];
  words.forEach((word, index) => {
    const colour = COLOURS[word];
    const next = MATERIALS[words[index + 1] ?? ''];
    if (colour && !next) wall = asColour(colour);
    const found = MATERIALS[word];
    const setting = PLACES[word];
    const before = COLOURS[words[index - 1] ?? ''];
    // A place brings its own ground, unless the words name another.
    if (found && !setting && !isNamed) material = undefined;
    if (found && !setting) isNamed = true;
    // Of several names for one ground ("linen cloth") the first counts.
    if (found && !material) {
      material = { texture: found.texture, colour: asColour(before ?? found.colour) };
      if (before) related = mix(asColour(before), [236, 232, 228], 0.3);
    }
    if (setting) place = { ...place, ...setting };
    for (const mood of [PLACES[word], MOODS[word]]) {
      light += mood?.light ?? 0;
      warmth += mood?.warmth ?? 0;
      glow = Math.max(glow, mood?.glow ?? 0);
      pastel = Math.max(pastel, mood?.pastel ?? 0);
    }
  });
  const fallback = COLOURS[DEFAULTS[Math.floor(random() * DEFAULTS.length)] ?? ''] ?? [];
  const chosen = wall ?? (place.wall && asColour(place.wall)) ?? related ?? asColour(fallback);
  const soften = (colour: Colour): Colour => mix(colour, [244, 240, 238], pastel * 0.55);
  const plainFloor = mix(chosen, [250, 248, 244], 0.25);
  return {
    seed: Math.floor(random() * 0x7fffffff),
    wall: soften(chosen),
    floor: soften(material?.colour ?? plainFloor),
    texture: material?.texture ?? 'plain',
    backdrop: place.backdrop ?? 'plain',
    light: clamp(light, -0.75, 0.4),
    warmth: clamp(warmth, -0.6, 0.7),
    glow: clamp(glow, 0, 1),
    side: random() < 0.5 ? -0.4 - random() * 0.5 : 0.4 + random() * 0.5,
  };
};

export const mix = (from: Colour, to: Colour, share: number): Colour => [
  from[0] + (to[0] - from[0]) * share,
  from[1] + (to[1] - from[1]) * share,
  from[2] + (to[2] - from[2]) * share,
];
