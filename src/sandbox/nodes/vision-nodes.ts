/** Nodes that look at a picture: cut-outs, detectors, edge and depth maps, descriptions. */
import { resizeMask } from '../pictures/codec.js';
import { mask, type Image, type Mask, type Segments } from '../values.js';
import type { NodeInputs, NodeLibrary, NodeResult } from './node.js';

const centred = ({ width, height }: Image): Mask =>
  mask(
    width,
    height,
    new Uint8Array(width * height).map((_, at) => {
      const [x, y] = [(at % width) / width - 0.5, Math.floor(at / width) / height - 0.5];
      return x * x + y * y < 0.1 ? 255 : 0;
    }),
  );

const toSegments = (inputs: NodeInputs): NodeResult => {
  const segments: Segments = { kind: 'segments', mask: inputs.mask('mask') };
  return { outputs: [segments] };
};

const samCombined = async (inputs: NodeInputs): Promise<NodeResult> => {
  const { width, height } = inputs.image('image');
  return { outputs: [await resizeMask(inputs.segments('segs').mask, width, height)] };
};

export const VISION_NODES: NodeLibrary = {
  RemoveBackground: (inputs) => ({ outputs: [centred(inputs.image('image'))] }),
  MaskToSEGS: toSegments,
  SAMDetectorCombined: samCombined,
  Canny: (inputs) => ({ outputs: [inputs.image('image')] }),
  DepthAnythingV2Preprocessor: (inputs) => ({ outputs: [inputs.image('image')] }),
};
