/**
 * Thread that decodes one HEIC picture and ends, which is the only way to give the decoder's memory
 * back. Imports nothing of ours, so that it runs from source in tests too.
 */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import heic from 'heic-decode';

const { source, maxPixels, isDisplayP3 } = workerData as {
  source: string;
  maxPixels: number;
  isDisplayP3: boolean;
};

/** Linear Display P3 to linear sRGB. */
const MATRIX = [
  [1.2249401762, -0.2249401762, 0],
  [-0.0420569547, 1.0420569547, 0],
  [-0.0196375546, -0.0786360456, 1.0982736001],
] as const;
const STEPS = 4096;

/** Both spaces share one transfer curve: to light, across, and back, in place. */
const toSrgb = (pixels: Uint8ClampedArray): void => {
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
    const [r, g, b] = MATRIX;
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
if (isDisplayP3) toSrgb(data);
parentPort?.postMessage({ width, height, data }, [data.buffer]);
