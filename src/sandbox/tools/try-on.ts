/**
 * A composed try-on: the garment's own pixels, cut out and fitted to the place where the person wears
 * one, in the light and folds of what was worn there. An honest cheap form of what IDM-VTON does, of
 * the same sizes. Needs OpenCV: runs in a process that ends (see try-on-process.ts).
 */
import { blurMask, eachFrame, loadSharp, resize, resizeMask } from '../pictures/codec.js';
import { drawMark } from '../pictures/mark.js';
import { boxOf, composite } from '../pictures/raster.js';
import { findIn } from '../pictures/subject-mask.js';
import { firstFrame, image, mask, type Image, type Mask } from '../values.js';
import { cutGarment } from './garment-cloth.js';
import { decode, fullOf, part, partOfMask, rawPicture, type Box } from './picture-parts.js';

export interface TryOnOrder {
  readonly person: Uint8Array;
  readonly garment: Uint8Array;
  /** Any pixel that is not black is where the garment goes. */
  readonly mask?: Uint8Array | undefined;
  readonly category: 'upper_body' | 'lower_body' | 'dresses';
  /** Take the middle of 3 to 4 and put the result back into the whole. */
  readonly isCropped: boolean;
  readonly format: 'png' | 'webp';
}

/** Both encoded: the result, and the person with the place of the garment greyed. */
export interface TryOnPictures {
  readonly result: Uint8Array;
  readonly masked: Uint8Array;
}

const [WIDTH, HEIGHT] = [768, 1024];
const RATIO = WIDTH / HEIGHT;
/** Trousers begin so far down a figure, dresses so far. */
const TOP: Readonly<Record<string, number>> = { lower_body: 0.5, dresses: 0.3 };
const SEEKING = { gpuMs: undefined };
const GREY = 127;
export const tryOn = async (order: TryOnOrder): Promise<TryOnPictures> => {
  const whole = await decode(order.person);
  const place = order.mask ? await drawnPlace(order.mask) : await placeOn(whole, order.category);
  const crop = order.isCropped ? middleOf(whole) : fullOf(whole);
  const person = await part(whole, crop);
  const fitted = await resize(person, WIDTH, HEIGHT);
  // A drawn mask is taken as it is; one that was found lies in the whole picture.
  const region = await resizeMask(
    order.mask ? place : partOfMask(place, crop),
    fitted.width,
    fitted.height,
  );
  if (!boxOf(region)) throw new Error('there is no place for a garment');
  const worn = await dress(fitted, await cutGarment(await decode(order.garment)), region);
  const frame = firstFrame(worn);
  const figure = await findIn(fitted, 'subject', SEEKING);
  drawMark({ width: WIDTH, height: HEIGHT, frame }, (at) => isSet(figure, at) || isSet(region, at));
  const grey = greyed(fitted, region);
  const back = async (inner: Image) =>
    order.isCropped
      ? composite(whole, await resize(inner, crop.width, crop.height), crop.left, crop.top)
      : inner;
  return {
    result: await encode(await back(image(WIDTH, HEIGHT, [frame])), order.format),
    masked: await encode(await back(grey), order.format),
  };
};

const isSet = ({ data }: Mask, at: number): boolean => (data[at] ?? 0) > 127;

const middleOf = ({ width, height }: Image): Box => {
  const size = {
    width: Math.floor(Math.min(width, height * RATIO)),
    height: Math.floor(Math.min(height, width / RATIO)),
  };
  return { left: (width - size.width) >> 1, top: (height - size.height) >> 1, ...size };
};

const encode = async ({ width, height, frames }: Image, format: TryOnOrder['format']) => {
  const sharp = await loadSharp();
  const raw = sharp(frames[0] ?? new Uint8Array(), { raw: { width, height, channels: 3 } });
  const encoded = format === 'png' ? raw.png({ compressionLevel: 5 }) : raw.webp({ quality: 92 });
  return new Uint8Array(await encoded.toBuffer());
};

const drawnPlace = async (bytes: Uint8Array): Promise<Mask> => {
  const { data, info } = await rawPicture(bytes, 1);
  return mask(
    info.width,
    info.height,
    new Uint8Array(data).map((value) => (value > 0 ? 255 : 0)),
  );
};

/** What is worn above; below it whatever belongs to the figure. */
const placeOn = async (whole: Image, category: TryOnOrder['category']): Promise<Mask> => {
  if (category === 'upper_body') return findIn(whole, 'garment', SEEKING);
  const figure = await findIn(whole, 'subject', SEEKING);
  const box = boxOf(figure);
  const top = box ? box.top + box.height * (TOP[category] ?? 0) : 0;
  const data = figure.data.map((value, at) => (Math.floor(at / whole.width) < top ? 0 : value));
  return mask(whole.width, whole.height, data);
};

/** The garment over the place, darkened and lit as what was there before. */
const dress = async (person: Image, garment: Image, region: Mask): Promise<Image> => {
  const box = boxOf(region) ?? fullOf(person);
  const cloth = firstFrame(await resize(garment, box.width, box.height));
  const soft = firstFrame(await eachFrame(person, (pipeline) => pipeline.blur(2.5)));
  const light = (at: number) =>
    (soft[at * 3] ?? 0) * 0.3 + (soft[at * 3 + 1] ?? 0) * 0.59 + (soft[at * 3 + 2] ?? 0) * 0.11;
  const usual = medianLight(region, light);
  const frame = firstFrame(person).slice();
  const { data: through } = await blurMask(region, 1.2);
  for (let row = 0; row < box.height; row += 1) {
    for (let column = 0; column < box.width; column += 1) {
      const at = (row + box.top) * person.width + column + box.left;
      const weight = through[at] ?? 0;
      if (weight === 0) continue;
      const fold = Math.min(1.25, Math.max(0.5, 0.35 + 0.65 * (light(at) / usual)));
      for (let channel = 0; channel < 3; channel += 1) {
        const worn = Math.min(255, (cloth[(row * box.width + column) * 3 + channel] ?? 0) * fold);
        const index = at * 3 + channel;
        frame[index] = Math.round((worn * weight + (frame[index] ?? 0) * (255 - weight)) / 255);
      }
    }
  }
  return image(person.width, person.height, [frame]);
};

const medianLight = ({ data }: Mask, light: (at: number) => number): number => {
  const values: number[] = [];
  for (let at = 0; at < data.length; at += 7) if ((data[at] ?? 0) > 127) values.push(light(at));
  values.sort((a, b) => a - b);
  return Math.max(20, values[values.length >> 1] ?? 128);
};

const greyed = (person: Image, region: Mask): Image => {
  const frame = firstFrame(person).slice();
  region.data.forEach((value, at) => {
    if (value > 127) frame.fill(GREY, at * 3, at * 3 + 3);
  });
  return image(person.width, person.height, [frame]);
};
