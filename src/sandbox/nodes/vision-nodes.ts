/** Nodes that look at a picture: cut-outs, detectors, maps for control nets, descriptions. */
import { resize, resizeMask } from '../pictures/codec.js';
import { describePicture } from '../pictures/description.js';
import { drawLabel } from '../pictures/mark.js';
import { composite, fillFrame } from '../pictures/raster.js';
import { findIn, type Wanted } from '../pictures/subject-mask.js';
import { image, weights, type Image, type Mask, type Segments } from '../values.js';
import type { NodeInputs, NodeJob, NodeLibrary, NodeResult } from './node.js';

/** Words after which a text detector looks for what is worn. */
const GARMENTS =
  /dress|shirt|top|blouse|coat|jacket|trouser|pants|jeans|skirt|short|suit|sweater|hoodie|vest|outwear|sling|garment|cloth/i;

const segments = (found: Mask): NodeResult => {
  const value: Segments = { kind: 'segments', mask: found };
  return { outputs: [value] };
};

const wantedBy = (text: string): Wanted => (GARMENTS.test(text) ? 'garment' : 'subject');

const removeBackground = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => ({
  outputs: [await findIn(inputs.image('image'), 'subject', job)],
});

/** A detector knows faces or garments by its file; there is no honest cheap one for hands. */
export const detect = (name: string, picture: Image, job: NodeJob): Promise<Mask> => {
  const wanted = /face/.test(name) ? 'face' : /fashion/.test(name) ? 'garment' : 'nothing';
  return findIn(picture, wanted, job);
};

const detector = (input: string) => async (inputs: NodeInputs, job: NodeJob) =>
  segments(await detect(inputs.weights(input).name, inputs.image('image'), job));

/** SAM refines a box to an outline: the region is an outline already. */
const refineSegments = async (inputs: NodeInputs): Promise<NodeResult> => {
  const { width, height } = inputs.image('image');
  return { outputs: [await resizeMask(inputs.segments('segs').mask, width, height)] };
};

const detectByText = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const text = inputs.has('conditioning') ? inputs.conditioning('conditioning').text : '';
  return { outputs: [await findIn(inputs.image('image'), wantedBy(text), job), []] };
};

const segmentByText = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const found = await findIn(picture, wantedBy(inputs.text('prompt')), job);
  const black = image(picture.width, picture.height, [
    fillFrame(picture.width, picture.height, [0, 0, 0]),
  ]);
  return { outputs: [composite(black, picture, 0, 0, found), found] };
};

/** Preprocessors scale the shorter side to `resolution` (workflows §0). */
const toResolution = (picture: Image, inputs: NodeInputs): Promise<Image> => {
  const scale = inputs.number('resolution', 512) / Math.min(picture.width, picture.height);
  return resize(picture, Math.round(picture.width * scale), Math.round(picture.height * scale));
};

const canny = async (inputs: NodeInputs, range: number): Promise<Image> => {
  const { traceEdges } = await import('../pictures/maps.js');
  const [low, high] = [inputs.number('low_threshold', 100), inputs.number('high_threshold', 200)];
  return traceEdges(inputs.image('image'), low * range, high * range);
};

const depth = async (inputs: NodeInputs, job: NodeJob): Promise<NodeResult> => {
  const picture = inputs.image('image');
  const { guessDepth } = await import('../pictures/maps.js');
  const map = await guessDepth(picture, await findIn(picture, 'subject', job));
  return { outputs: [await toResolution(map, inputs)] };
};

/** A pose has no honest cheap form: a black picture says so. */
const pose = async (inputs: NodeInputs): Promise<NodeResult> => {
  const { width, height } = await toResolution(inputs.image('image'), inputs);
  const frame = fillFrame(width, height, [0, 0, 0]);
  drawLabel(
    { width, height, frame },
    'sandbox: no pose',
    16,
    16,
    Math.max(1, Math.round(height / 300)),
  );
  const people = JSON.stringify({ people: [], canvas_width: width, canvas_height: height });
  return { outputs: [image(width, height, [frame]), []], ui: { openpose_json: [people] } };
};

const describe = (input: string) => async (inputs: NodeInputs, job: NodeJob) => {
  const picture = inputs.image(input);
  return { outputs: [describePicture(picture, await findIn(picture, 'subject', job))] };
};

export const VISION_NODES: NodeLibrary = {
  RemoveBackground: removeBackground,
  UltralyticsDetectorProvider: (inputs) => {
    const found = weights(inputs.text('model_name'));
    return { outputs: [found, found] };
  },
  BboxDetectorSEGS: detector('bbox_detector'),
  SegmDetectorSEGS: detector('segm_detector'),
  MaskToSEGS: (inputs) => segments(inputs.mask('mask')),
  SegsToCombinedMask: (inputs) => ({ outputs: [inputs.segments('segs').mask] }),
  SAMDetectorCombined: refineSegments,
  SAM3_Detect: detectByText,
  'GroundingDinoSAMSegment (segment anything)': segmentByText,
  Canny: async (inputs) => ({ outputs: [await canny(inputs, 255)] }),
  CannyEdgePreprocessor: async (inputs) => ({
    outputs: [await toResolution(await canny(inputs, 1), inputs)],
  }),
  DepthAnythingV2Preprocessor: depth,
  'MiDaS-DepthMapPreprocessor': depth,
  DWPreprocessor: pose,
  OpenposePreprocessor: pose,
  MoonDream: describe('image'),
  Moondream: describe('image'),
  Moondream2model: describe('image'),
  MoondreamQuery: describe('images'),
};
