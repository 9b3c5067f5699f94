/**
 * Thread that decodes one HEIC picture and ends, which is the only way to give the decoder's memory
 * back. Imports nothing of ours, so that it runs from source in tests too.
 */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import heic from 'heic-decode';

const { source, maxPixels, toSrgb } = workerData as {
  source: string;
  maxPixels: number;
  /** Rows that bring light of the picture's primaries to sRGB, if they differ. */
  toSrgb: readonly (readonly [number, number, number])[] | undefined;
};

const STEPS = 4096;

/** To light, across, and back, in place; the transfer curve of phones' profiles is that of sRGB. */
const convert = (pixels: Uint8ClampedArray, matrix: NonNullable<typeof toSrgb>): void => {
  const [r = [1, 0, 0], g = [0, 1, 0], b = [0, 0, 1]] = matrix;
  const light = Float64Array.from({ length: 256 }, (_, value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const shown = Uint8ClampedArray.from({ length: STEPS + 1 }, (_, step) => {
    const part = step / STEPS;
    return Math.round(255 * (part <= 0.0031308 ? part * 12.92 : 1.055 * part ** (1 / 2.4) - 0.055));
  });
  const at = (value: number) => shown[Math.round(Math.min(1, Math.max(0, value)) * STEPS)] ?? 0;
  for (let index = 0; index < pixels.length; index += 4) {
    const red = light[pixels[index] ?? 0] ?? 0;
    const green = light[pixels[index + 1] ?? 0] ?? 0;
    const blue = light[pixels[index + 2] ?? 0] ?? 0;
    pixels[index] = at(r[0] * red + r[1] * green + r[2] * blue);
    pixels[index + 1] = at(g[0] * red + g[1] * green + g[2] * blue);
    pixels[index + 2] = at(b[0] * red + b[1] * green + b[2] * blue);
  }
};

const images = await heic.all({ buffer: await readFile(source) });
const [first] = images;
if (!first || first.width * first.height > maxPixels) throw new Error('no picture of this size');
const { width, height } = first;
const { data } = await first.decode();
if (toSrgb) convert(data, toSrgb);
parentPort?.postMessage({ width, height, data }, [data.buffer]);
