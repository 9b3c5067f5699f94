/**
 * Files and frames to raw pixels and back, and everything else that sharp does for us. sharp is
 * loaded at the first picture and kept to one thread without a cache, so that an idle server stays
 * small.
 */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Sharp } from 'sharp';
import { messageOf, PythonError } from '../python.js';
import type { Preview } from '../socket-hub.js';
import { firstFrame, image, mask, type Image, type Mask } from '../values.js';

const PREVIEW_SIZE = 512;

const load = async () => {
  const { default: sharp } = await import('sharp');
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
};
let loading: ReturnType<typeof load> | undefined;
export const loadSharp = () => (loading ??= load());

/** One RGB frame as a sharp pipeline. */
const pipelineOf = async (frame: Uint8Array, width: number, height: number) =>
  (await loadSharp())(frame, { raw: { width, height, channels: 3 } });

const greyPipelineOf = async (picture: Mask) =>
  (await loadSharp())(picture.data, {
    raw: { width: picture.width, height: picture.height, channels: 1 },
  });

const rawOf = async (pipeline: Sharp): Promise<Uint8Array> =>
  new Uint8Array(await pipeline.raw().toBuffer());

export interface Decoded {
  readonly image: Image;
  /** Present if the file has an alpha channel. */
  readonly alpha: Mask | undefined;
}

const readInput = (file: string): Buffer => {
  try {
    return readFileSync(file);
  } catch {
    const message = `[Errno 2] No such file or directory: '${file}'`;
    throw new PythonError('av.error.FileNotFoundError', message);
  }
};

/** Reads a picture file upright, as RGB and alpha. Raises what the real loader raises. */
export const decodeFile = async (file: string): Promise<Decoded> => {
  const bytes = readInput(file);
  const sharp = await loadSharp();
  try {
    const { hasAlpha } = await sharp(bytes).metadata();
    const upright = () => sharp(bytes).autoOrient().toColourspace('srgb');
    const pixels = upright().removeAlpha().raw();
    const { data, info } = await pixels.toBuffer({ resolveWithObject: true });
    const alpha = hasAlpha ? await rawOf(upright().extractChannel('alpha')) : undefined;
    return {
      image: image(info.width, info.height, [new Uint8Array(data)]),
      alpha: alpha && mask(info.width, info.height, alpha),
    };
  } catch (error) {
    throw new PythonError('OSError', `cannot identify image file: ${messageOf(error)}`);
  }
};

/** A PNG of one frame with text chunks, as the real server embeds the graph (protocol §5). */
export const encodePng = async (
  picture: Image,
  frame: Uint8Array,
  texts: Readonly<Record<string, unknown>> = {},
): Promise<Buffer> => {
  const pipeline = await pipelineOf(frame, picture.width, picture.height);
  const png = await pipeline.png({ compressionLevel: 4 }).toBuffer();
  const chunks = Object.entries(texts).map(([key, value]) => textChunk(key, JSON.stringify(value)));
  const afterHeader = 8 + 25;
  return Buffer.concat([png.subarray(0, afterHeader), ...chunks, png.subarray(afterHeader)]);
};

/** PNG text is Latin-1: all else is escaped the JSON way. */
const textChunk = (key: string, text: string): Buffer => {
  const ascii = text.replace(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const body = Buffer.from(`tEXt${key}\0${ascii}`, 'latin1');
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
};

/** A preview fitted to 512 pixels, enlarged if need be (protocol §3.2). */
export const encodePreview = async (
  picture: Image,
  format: Preview['format'],
): Promise<Preview> => {
  const pipeline = await pipelineOf(firstFrame(picture), picture.width, picture.height);
  const fitted = pipeline.resize(PREVIEW_SIZE, PREVIEW_SIZE, { fit: 'inside' });
  const encoded = format === 'png' ? fitted.png() : fitted.jpeg({ quality: 95 });
  return { format, bytes: await encoded.toBuffer() };
};

const KERNELS: Readonly<Record<string, 'nearest' | 'linear' | 'cubic' | 'lanczos3'>> = {
  'nearest-exact': 'nearest',
  bilinear: 'linear',
  area: 'linear',
  bicubic: 'cubic',
};

/** Every frame at another size; `cover` cuts the middle out in place of distorting. */
export const resize = async (
  picture: Image,
  width: number,
  height: number,
  method = 'lanczos',
  fit: 'fill' | 'cover' = 'fill',
): Promise<Image> => {
  if (picture.width === width && picture.height === height) return picture;
  const kernel = KERNELS[method] ?? 'lanczos3';
  const frames: Uint8Array[] = [];
  for (const frame of picture.frames) {
    const pipeline = await pipelineOf(frame, picture.width, picture.height);
    frames.push(await rawOf(pipeline.resize(width, height, { fit, kernel })));
  }
  return image(width, height, frames);
};

export const resizeMask = async (source: Mask, width: number, height: number): Promise<Mask> => {
  if (source.width === width && source.height === height) return source;
  const pipeline = await greyPipelineOf(source);
  const resized = pipeline.resize(width, height, { fit: 'fill', kernel: 'linear' });
  return mask(width, height, await rawOf(resized.toColourspace('b-w')));
};

export const blurMask = async (source: Mask, sigma: number): Promise<Mask> => {
  if (sigma < 0.3) return source;
  const pipeline = (await greyPipelineOf(source)).blur(sigma).toColourspace('b-w');
  return mask(source.width, source.height, await rawOf(pipeline));
};

/** Every frame through one sharp operation that keeps the size. */
export const eachFrame = async (
  picture: Image,
  change: (pipeline: Sharp) => Sharp,
): Promise<Image> => {
  const frames: Uint8Array[] = [];
  for (const frame of picture.frames) {
    frames.push(await rawOf(change(await pipelineOf(frame, picture.width, picture.height))));
  }
  return image(picture.width, picture.height, frames);
};

/** An endless (`loop` 0) or counted GIF or WEBP of all frames. */
export const encodeAnimation = async (
  picture: Image,
  format: 'gif' | 'webp',
  options: { fps: number; loop: number; quality: number; lossless: boolean },
): Promise<Buffer> => {
  const sharp = await loadSharp();
  const { width, height, frames } = picture;
  const raw = { width, height: height * frames.length, channels: 3 as const, pageHeight: height };
  const delay = frames.map(() => Math.round(1000 / options.fps));
  const { loop, quality, lossless } = options;
  const animation = sharp(Buffer.concat(frames), { raw });
  return format === 'gif'
    ? animation.gif({ delay, loop, effort: 2 }).toBuffer()
    : animation.webp({ delay, loop, quality, lossless, effort: 3 }).toBuffer();
};
