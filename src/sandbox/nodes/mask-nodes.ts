/** Core and Impact nodes that make and change masks. */
import { blurMask } from '../pictures/codec.js';
import { greyImage, grow } from '../pictures/raster.js';
import { firstFrame, mask, type Mask } from '../values.js';
import type { NodeInputs, NodeLibrary, NodeResult } from './node.js';

const each = (source: Mask, change: (value: number, at: number) => number): NodeResult => ({
  outputs: [mask(source.width, source.height, source.data.map(change))],
});

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
  ImpactGaussianBlurMask: async (inputs) => ({
    outputs: [await blurMask(inputs.mask('mask'), inputs.number('sigma'))],
  }),
  /** Masks have one frame here, so there is nothing left to flatten. */
  ImpactFlattenMask: (inputs) => ({ outputs: [inputs.mask('masks')] }),
  MaskToImage: (inputs) => ({ outputs: [greyImage(inputs.mask('mask'))] }),
  ImageToMask: fromImage,
};
