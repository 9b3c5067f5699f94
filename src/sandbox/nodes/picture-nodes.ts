/** Core nodes that load, make, scale, filter and combine pictures. */
import { decodeFile, eachFrame, resize, resizeMask } from '../pictures/codec.js';
import { composite, fillFrame, padFrame } from '../pictures/raster.js';
import { PythonError } from '../python.js';
import { image, mask, type Image, type Mask } from '../values.js';
import type { NodeInputs, NodeJob, NodeLibrary, NodeResult } from './node.js';

const one = (output: unknown): NodeResult => ({ outputs: [output] });

const load = (inputs: NodeInputs, job: NodeJob) =>
  decodeFile(job.folders.findInput(inputs.text('image')) ?? inputs.text('image'));

/** Without an alpha channel the mask of LoadImage is 64×64 zeros (protocol §2.6). */
const noMask = (): Mask => mask(64, 64, new Uint8Array(64 * 64));

const invert = (bytes: Uint8Array): Uint8Array => bytes.map((value) => 255 - value);

const colourOf = (value: number): [number, number, number] => [
  (value >> 16) & 255,
  (value >> 8) & 255,
  value & 255,
];

const emptyImage = (inputs: NodeInputs): NodeResult => {
  const [width, height] = [inputs.number('width'), inputs.number('height')];
  const frame = fillFrame(width, height, colourOf(inputs.number('color')));
  return one(
    image(
      width,
      height,
      Array.from({ length: inputs.number('batch_size') }, () => frame),
    ),
  );
};

/** Both sides become multiples of `resolution_steps` near the wanted number of pixels. */
const scaleToTotalPixels = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const pixels = inputs.number('megapixels') * 1024 * 1024;
  const scale = Math.sqrt(pixels / (picture.width * picture.height));
  const steps = inputs.number('resolution_steps', 1);
  const side = (length: number) => Math.max(steps, Math.round((length * scale) / steps) * steps);
  const method = inputs.text('upscale_method');
  return one(await resize(picture, side(picture.width), side(picture.height), method));
};

const scaleToMaxDimension = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const scale = inputs.number('largest_size') / Math.max(picture.width, picture.height);
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  const method = inputs.text('upscale_method');
  return one(await resize(picture, side(picture.width), side(picture.height), method));
};

/** A side of 0 keeps the proportions. */
const scale = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const [width, height] = [inputs.number('width'), inputs.number('height')];
  if (width === 0 && height === 0) return one(picture);
  const across = width || Math.max(1, Math.round((picture.width * height) / picture.height));
  const down = height || Math.max(1, Math.round((picture.height * width) / picture.width));
  const fit = inputs.text('crop') === 'center' ? 'cover' : 'fill';
  return one(await resize(picture, across, down, inputs.text('upscale_method'), fit));
};

const scaleBy = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const side = (length: number) => Math.max(1, Math.round(length * inputs.number('scale_by')));
  const method = inputs.text('upscale_method');
  return one(await resize(picture, side(picture.width), side(picture.height), method));
};

const blur = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const radius = inputs.number('blur_radius');
  if (radius >= Math.min(picture.width, picture.height)) {
    const sizes = `padding (${radius}, ${radius}) at dimension 3 of input 4`;
    const rule = 'Padding size should be less than the corresponding input dimension';
    throw new PythonError('RuntimeError', `Argument #4: ${rule}, but got: ${sizes}`);
  }
  const sigma = Math.max(0.3, inputs.number('sigma'));
  return one(await eachFrame(picture, (pipeline) => pipeline.blur(sigma)));
};

const sharpen = async (inputs: NodeInputs): Promise<NodeResult> => {
  const sigma = Math.min(10, Math.max(0.1, inputs.number('sigma')));
  const m2 = 3 * inputs.number('alpha');
  const sharper = (picture: Image) =>
    eachFrame(picture, (pipeline) => pipeline.sharpen({ sigma, m1: m2 / 3, m2 }));
  return one(
    inputs.number('alpha') === 0 ? inputs.image('image') : await sharper(inputs.image('image')),
  );
};

const compositeMasked = async (inputs: NodeInputs): Promise<NodeResult> => {
  const below = inputs.image('destination');
  const given = inputs.image('source');
  const isResized = inputs.flag('resize_source');
  const above = isResized ? await resize(given, below.width, below.height, 'bilinear') : given;
  const given2 = inputs.has('mask') ? inputs.mask('mask') : undefined;
  const through = given2 && (await resizeMask(given2, above.width, above.height));
  return one(composite(below, above, inputs.number('x'), inputs.number('y'), through));
};

const resizeAndPad = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const [width, height] = [inputs.number('target_width'), inputs.number('target_height')];
  const scale = Math.min(width / picture.width, height / picture.height);
  const [across, down] = [Math.floor(picture.width * scale), Math.floor(picture.height * scale)];
  const inner = await resize(picture, across, down, inputs.text('interpolation'));
  const colour = inputs.text('padding_color') === 'white' ? 255 : 0;
  const frame = fillFrame(width, height, [colour, colour, colour]);
  const canvas = image(
    width,
    height,
    inner.frames.map(() => frame),
  );
  return one(composite(canvas, inner, (width - across) >> 1, (height - down) >> 1));
};

const batch = async (inputs: NodeInputs): Promise<NodeResult> => {
  const first = inputs.image('image1');
  const second = await resize(
    inputs.image('image2'),
    first.width,
    first.height,
    'bilinear',
    'cover',
  );
  return one(image(first.width, first.height, [...first.frames, ...second.frames]));
};

const STITCH_COLOURS: Readonly<Record<string, number>> = {
  white: 0xffffff,
  black: 0,
  red: 0xff0000,
  green: 0x00ff00,
  blue: 0x0000ff,
};

const stitch = async (inputs: NodeInputs): Promise<NodeResult> => {
  const first = inputs.image('image1');
  if (!inputs.has('image2')) return one(first);
  const direction = inputs.text('direction');
  const isRow = direction === 'left' || direction === 'right';
  let second = inputs.image('image2');
  if (inputs.flag('match_image_size')) {
    const scale = isRow ? first.height / second.height : first.width / second.width;
    const side = (length: number) => Math.max(1, Math.round(length * scale));
    second = await resize(second, side(second.width), side(second.height));
  }
  const [a, b] = direction === 'left' || direction === 'up' ? [second, first] : [first, second];
  const gap = inputs.number('spacing_width');
  const width = isRow ? a.width + gap + b.width : Math.max(a.width, b.width);
  const height = isRow ? Math.max(a.height, b.height) : a.height + gap + b.height;
  const colour = colourOf(STITCH_COLOURS[inputs.text('spacing_color')] ?? 0xffffff);
  const canvas = image(width, height, [fillFrame(width, height, colour)]);
  const middle = (room: number, length: number) => (room - length) >> 1;
  const withA = isRow
    ? composite(canvas, a, 0, middle(height, a.height))
    : composite(canvas, a, middle(width, a.width), 0);
  const x = isRow ? a.width + gap : middle(width, b.width);
  const y = isRow ? middle(height, b.height) : a.height + gap;
  return one(composite(withA, b, x, y));
};

const padForOutpaint = (inputs: NodeInputs): NodeResult => {
  const picture = inputs.image('image');
  const sides = ['left', 'top', 'right', 'bottom'].map((side) => inputs.number(side));
  const { width, height, frames, added } = padFrame(picture, sides, inputs.number('feathering'));
  return { outputs: [image(width, height, frames), mask(width, height, added)] };
};

/** Mean and spread of each channel are carried over, one frame a step. */
const transferColour = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const target = inputs.image('image_target');
  const reference = statisticsOf(inputs.image('image_ref').frames[0] ?? new Uint8Array());
  const strength = Math.min(1, inputs.number('strength'));
  const frames: Uint8Array[] = [];
  for (const [index, frame] of target.frames.entries()) {
    const own = statisticsOf(frame);
    frames.push(
      frame.map((value, at) => {
        const [from, to] = [
          own[at % 3] ?? ([0, 1] as const),
          reference[at % 3] ?? ([0, 1] as const),
        ];
        const moved = ((value - from[0]) * to[1]) / from[1] + to[0];
        return Math.min(255, Math.max(0, Math.round(value + (moved - value) * strength)));
      }),
    );
    await job.report(index + 1, target.frames.length);
  }
  return one(image(target.width, target.height, frames));
};

const statisticsOf = (frame: Uint8Array): (readonly [mean: number, spread: number])[] =>
  [0, 1, 2].map((channel) => {
    const values = frame.filter((_, at) => at % 3 === channel);
    const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
    const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return [mean, Math.sqrt(square / Math.max(1, values.length)) || 1] as const;
  });

const getSize = (inputs: NodeInputs, job: NodeJob): NodeResult => {
  const { width, height, frames } = inputs.image('image');
  job.sayText(`width: ${width}, height: ${height}\n batch size: ${frames.length}`);
  return { outputs: [width, height, frames.length] };
};

const loadImage = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const { image: picture, alpha } = await load(inputs, job);
  return { outputs: [picture, alpha ? { ...alpha, data: invert(alpha.data) } : noMask()] };
};

const loadMask = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const { image: picture, alpha } = await load(inputs, job);
  const channel = ['red', 'green', 'blue'].indexOf(inputs.text('channel'));
  if (channel < 0) return one(alpha ? { ...alpha, data: invert(alpha.data) } : noMask());
  const data = (picture.frames[0] ?? new Uint8Array()).filter((_, at) => at % 3 === channel);
  return one(mask(picture.width, picture.height, data));
};

const invertImage = (inputs: NodeInputs): NodeResult => {
  const picture = inputs.image('image');
  return one(image(picture.width, picture.height, picture.frames.map(invert)));
};

export const PICTURE_NODES: NodeLibrary = {
  LoadImage: loadImage,
  LoadImageMask: loadMask,
  EmptyImage: emptyImage,
  ImageInvert: invertImage,
  ImageScaleToTotalPixels: scaleToTotalPixels,
  ImageScaleToMaxDimension: scaleToMaxDimension,
  ImageScale: scale,
  ImageScaleBy: scaleBy,
  ImageBlur: blur,
  ImageSharpen: sharpen,
  ImageCompositeMasked: compositeMasked,
  ResizeAndPadImage: resizeAndPad,
  ImageBatch: batch,
  ImageStitch: stitch,
  ImagePadForOutpaint: padForOutpaint,
  ColorTransfer: transferColour,
  GetImageSize: getSize,
};
