/** Core and Impact nodes that make and change masks. */
import { blurMask } from '../pictures/codec.js';
import { greyImage, grow } from '../pictures/raster.js';
import { firstFrame, mask, type Mask } from '../values.js';
import type { NodeInputs, NodeLibrary, NodeResult } from './node.js';

const each = (source: Mask, change: (value: number, at: number) => number): NodeResult => ({
  outputs: [mask(source.width, source.height, source.data.map(change))],
});

/** Fades only from the picture's borders, not around the object (workflows §0). */
const feather = (inputs: NodeInputs): NodeResult => {
  const source = inputs.mask('mask');
  const [left, top, right, bottom] = ['left', 'top', 'right', 'bottom'].map((side) =>
    inputs.number(side),
  );
  const ramp = (distance: number, width = 0) => (distance < width ? (distance + 1) / width : 1);
  return each(source, (value, at) => {
    const [x, y] = [at % source.width, Math.floor(at / source.width)];
    const across = ramp(x, left) * ramp(source.width - 1 - x, right);
    return Math.round(value * across * ramp(y, top) * ramp(source.height - 1 - y, bottom));
  });
};

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  multiply: (a, b) => (a * b) / 255,
  add: (a, b) => Math.min(255, a + b),
  subtract: (a, b) => Math.max(0, a - b),
  and: (a, b) => (a > 127 && b > 127 ? 255 : 0),
  or: (a, b) => (a > 127 || b > 127 ? 255 : 0),
  xor: (a, b) => (a > 127 !== b > 127 ? 255 : 0),
};

const combine = (inputs: NodeInputs): NodeResult => {
  const [below, above] = [inputs.mask('destination'), inputs.mask('source')];
  const [dx, dy] = [inputs.number('x'), inputs.number('y')];
  const operation = OPERATIONS[inputs.text('operation')];
  return each(below, (value, at) => {
    const [x, y] = [(at % below.width) - dx, Math.floor(at / below.width) - dy];
    const isCovered = x >= 0 && y >= 0 && x < above.width && y < above.height;
    return isCovered && operation ? operation(value, above.data[y * above.width + x] ?? 0) : value;
  });
};

const solid = (inputs: NodeInputs): NodeResult => {
  const [width, height] = [inputs.number('width'), inputs.number('height')];
  const value = Math.round(inputs.number('value') * 255);
  return { outputs: [mask(width, height, new Uint8Array(width * height).fill(value))] };
};

const fromImage = (inputs: NodeInputs): NodeResult => {
  const picture = inputs.image('image');
  const channel = ['red', 'green', 'blue'].indexOf(inputs.text('channel'));
  const frame = firstFrame(picture);
  const data =
    channel < 0
      ? new Uint8Array(frame.length / 3).fill(255)
      : frame.filter((_, at) => at % 3 === channel);
  return { outputs: [mask(picture.width, picture.height, data)] };
};

export const MASK_NODES: NodeLibrary = {
  SolidMask: solid,
  InvertMask: (inputs) => each(inputs.mask('mask'), (value) => 255 - value),
  ThresholdMask: (inputs) => {
    const limit = inputs.number('value') * 255;
    return each(inputs.mask('mask'), (value) => (value > limit ? 255 : 0));
  },
  GrowMask: (inputs) => ({
    outputs: [grow(inputs.mask('mask'), inputs.number('expand'), inputs.flag('tapered_corners'))],
  }),
  FeatherMask: feather,
  ImpactGaussianBlurMask: async (inputs) => ({
    outputs: [await blurMask(inputs.mask('mask'), inputs.number('sigma'))],
  }),
  /** Masks have one frame here, so there is nothing left to flatten. */
  ImpactFlattenMask: (inputs) => ({ outputs: [inputs.mask('masks')] }),
  MaskComposite: combine,
  MaskToImage: (inputs) => ({ outputs: [greyImage(inputs.mask('mask'))] }),
  ImageToMask: fromImage,
};
