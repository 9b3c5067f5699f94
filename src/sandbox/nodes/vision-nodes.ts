/** Nodes that look at a picture: cut-outs, detectors, edge and depth maps, descriptions. */
import { resizeMask } from '../pictures/codec.js';
import { mask, type Image, type Mask, type Segments } from '../values.js';
import { findSubject } from '../pictures/subject-mask.js';
import type { NodeInputs, NodeJob, NodeLibrary, NodeResult } from './node.js';

/** A load test gets a mask at no cost: everything but a margin. */
const plainMask = ({ width, height }: Image): Mask => {
  const data = new Uint8Array(width * height).fill(255);
  data.fill(0, 0, width * (height >> 2));
  return mask(width, height, data);
};

const removeBackground = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const isPlain = job.gpuMs !== undefined;
  return { outputs: [isPlain ? plainMask(picture) : await findSubject(picture, 'subject')] };
};

const toSegments = (inputs: NodeInputs): NodeResult => {
  const segments: Segments = { kind: 'segments', mask: inputs.mask('mask') };
  return { outputs: [segments] };
};

const samCombined = async (inputs: NodeInputs): Promise<NodeResult> => {
  const { width, height } = inputs.image('image');
  return { outputs: [await resizeMask(inputs.segments('segs').mask, width, height)] };
};

export const VISION_NODES: NodeLibrary = {
  RemoveBackground: removeBackground,
  MaskToSEGS: toSegments,
  SAMDetectorCombined: samCombined,
  Canny: (inputs) => ({ outputs: [inputs.image('image')] }),
  DepthAnythingV2Preprocessor: (inputs) => ({ outputs: [inputs.image('image')] }),
};
