/** Core nodes that load, make, scale, filter and combine pictures. */
import { decodeFile, eachFrame, resize } from '../pictures/codec.js';
import { colourOf, fillFrame } from '../pictures/raster.js';
import { PythonError } from '../python.js';
import { image, mask, type Image, type Mask } from '../values.js';
import type { NodeInputs, NodeJob, NodeLibrary, NodeResult } from './node.js';

const one = (output: unknown): NodeResult => ({ outputs: [output] });

const load = (inputs: NodeInputs, job: NodeJob) =>
  decodeFile(job.folders.findInput(inputs.text('image')) ?? inputs.text('image'));

/** Without an alpha channel the mask of LoadImage is 64×64 zeros (protocol §2.6). */
const noMask = (): Mask => mask(64, 64, new Uint8Array(64 * 64));

const invert = (bytes: Uint8Array): Uint8Array => bytes.map((value) => 255 - value);

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
  GetImageSize: getSize,
};
