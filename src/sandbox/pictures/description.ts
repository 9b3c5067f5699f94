/** A description of a product computed from its picture, where a model would write one. */
import { firstFrame, type Image, type Mask } from '../values.js';
import { boxOf } from './raster.js';
import vocabulary from './scene-vocabulary.json' with { type: 'json' };

/** Plain names only: "sky" or "ivory" would promise more than pixels can say. */
const NAMES = ['white', 'black', 'grey', 'red', 'orange', 'brown', 'beige', 'yellow', 'green'];
const MORE_NAMES = ['blue', 'navy', 'teal', 'purple', 'pink', 'burgundy', 'terracotta', 'cream'];
const COLOURS: Readonly<Record<string, number[]>> = vocabulary.colours;

export const describePicture = (picture: Image, subject: Mask): string => {
  const box = boxOf(subject) ?? { left: 0, top: 0, width: picture.width, height: picture.height };
  const frame = firstFrame(picture);
  const counts = new Map<string, number>();
  let [inside, glossy, edges] = [0, 0, 0];
  for (let at = 0; at < subject.data.length; at += 3) {
    if ((subject.data[at] ?? 0) < 128) continue;
    const pixel = [frame[at * 3] ?? 0, frame[at * 3 + 1] ?? 0, frame[at * 3 + 2] ?? 0];
    const name = nameOf(pixel);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    inside += 1;
    if (Math.min(...pixel) > 225) glossy += 1;
    edges += Math.abs((pixel[1] ?? 0) - (frame[at * 3 + 4] ?? 0));
  }
  const named = [...counts].sort(([, a], [, b]) => b - a);
  const colours = named.filter(([, count]) => count > inside * 0.12).map(([name]) => name);
  const fullness = (inside * 3) / Math.max(1, box.width * box.height);
  const share = Math.round((box.width * box.height * 100) / (picture.width * picture.height));
  const texture = edges / Math.max(1, inside);
  const surface = surfaceOf(glossy / Math.max(1, inside), texture, colours[0] ?? '');
  return [
    `Sandbox description, computed from the picture and not written by a model.`,
    `The picture shows one ${shapeOf(box.width / box.height, fullness)} object in ${listOf(colours)}.`,
    `It looks ${surface} and fills about ${share} % of the frame (${box.width} × ${box.height} of ${picture.width} × ${picture.height} pixels).`,
    `A connected ComfyUI with MoonDream answers the question itself.`,
  ].join(' ');
};

const nameOf = ([red = 0, green = 0, blue = 0]: readonly number[]): string => {
  let best = { name: 'grey', distance: Infinity };
  for (const name of [...NAMES, ...MORE_NAMES]) {
    const [r = 0, g = 0, b = 0] = COLOURS[name] ?? [];
    const hue = Math.hypot(red - green - (r - g), green - blue - (g - b));
    const distance = hue + Math.abs(red + green + blue - r - g - b) * 0.28;
    if (distance < best.distance) best = { name, distance };
  }
  return best.name;
};

const shapeOf = (ratio: number, fullness: number): string => {
  const outline = fullness > 0.9 ? 'box-like' : fullness > 0.68 ? 'rounded' : 'branching';
  if (ratio > 1.45) return `wide, ${outline}`;
  return ratio < 0.7 ? `tall, ${outline}` : `compact, ${outline}`;
};

const surfaceOf = (glossy: number, texture: number, colour: string): string => {
  if (texture > 16) return 'textured, as fabric or wood does,';
  if (glossy > 0.015 && ['grey', 'white'].includes(colour))
    return 'glossy, as metal or glass does,';
  return glossy > 0.008 ? 'glossy, as glazed ceramic or plastic does,' : 'matt and even';
};

const listOf = (names: readonly string[]): string => {
  if (names.length < 2) return names[0] ?? 'mixed colours';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
};
