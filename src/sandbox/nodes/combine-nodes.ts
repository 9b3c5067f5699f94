/** Core nodes that put several pictures, or a picture and a frame, together. */
import { resize, resizeMask } from '../pictures/codec.js';
import { colourOf, composite, fillFrame, padFrame } from '../pictures/raster.js';
import { image, mask } from '../values.js';
import type { NodeInputs, NodeLibrary, NodeResult } from './node.js';

const one = (output: unknown): NodeResult => ({ outputs: [output] });

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

export const COMBINE_NODES: NodeLibrary = {
  ImageCompositeMasked: compositeMasked,
  ResizeAndPadImage: resizeAndPad,
  ImageBatch: batch,
  ImageStitch: stitch,
  ImagePadForOutpaint: padForOutpaint,
};
