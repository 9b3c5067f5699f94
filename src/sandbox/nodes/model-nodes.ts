/** Loaders, conditioning and latents: where weights would be, only their names travel. */
import { resizeMask } from '../pictures/codec.js';
import { composite, grow } from '../pictures/raster.js';
import { blurMask } from '../pictures/codec.js';
import { weights, type Conditioning, type Image, type Latent, type Mask } from '../values.js';
import type { NodeInputs, NodeLibrary, NodeResult } from './node.js';
import { sample } from './sampler.js';

const loaded =
  (input: string, count = 1) =>
  (inputs: NodeInputs): NodeResult => ({
    outputs: Array.from({ length: count }, () => weights(inputs.text(input))),
  });

const passModel = (inputs: NodeInputs): NodeResult => ({ outputs: [inputs.weights('model')] });

const encodeText = (inputs: NodeInputs): NodeResult => {
  const value: Conditioning = { kind: 'conditioning', text: inputs.text('text'), nets: [] };
  return { outputs: [value] };
};

const applyControlNet = (inputs: NodeInputs): NodeResult => {
  const { name } = inputs.weights('control_net');
  const outputs = ['positive', 'negative'].map((side) => {
    const conditioning = inputs.conditioning(side);
    return { ...conditioning, nets: [...conditioning.nets, name] };
  });
  return { outputs };
};

const latent = (picture: Image, repaint?: Mask): Latent => ({
  kind: 'latent',
  image: picture,
  ...(repaint && { repaint }),
});

const fitted = (area: Mask, { width, height }: Image): Promise<Mask> =>
  resizeMask(area, width, height);

const encodeForInpaint = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('pixels');
  const area = await fitted(inputs.mask('mask'), picture);
  return { outputs: [latent(picture, grow(area, inputs.number('grow_mask_by'), false))] };
};

const setNoiseMask = async (inputs: NodeInputs): Promise<NodeResult> => {
  const { image: picture } = inputs.latent('samples');
  return { outputs: [latent(picture, await fitted(inputs.mask('mask'), picture))] };
};

const conditionInpaint = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('pixels');
  const encoded = latent(picture, await fitted(inputs.mask('mask'), picture));
  return { outputs: [inputs.conditioning('positive'), inputs.conditioning('negative'), encoded] };
};

/** BrushNet's mask is the area to paint; its latent says so to the sampler. */
const brushNet = (inputs: NodeInputs): NodeResult => {
  const sides = [inputs.conditioning('positive'), inputs.conditioning('negative')];
  const encoded = latent(inputs.image('image'), inputs.mask('mask'));
  return { outputs: [inputs.weights('model'), ...sides, encoded] };
};

const blendInpaint = async (inputs: NodeInputs): Promise<NodeResult> => {
  const original = inputs.image('original');
  const area = await fitted(inputs.mask('mask'), original);
  const soft = await blurMask(area, Math.min(inputs.number('sigma'), inputs.number('kernel')));
  return { outputs: [composite(original, inputs.image('inpaint'), 0, 0, soft), soft] };
};

const conditionOrbit = (inputs: NodeInputs): NodeResult => {
  const object = inputs.image('init_image');
  const orbit = { object, frames: inputs.number('video_frames') };
  const value: Conditioning = { kind: 'conditioning', text: '', nets: [], orbit };
  return { outputs: [value, value, latent(object)] };
};

export const MODEL_NODES: NodeLibrary = {
  CheckpointLoaderSimple: loaded('ckpt_name', 3),
  ImageOnlyCheckpointLoader: loaded('ckpt_name', 3),
  ControlNetLoader: loaded('control_net_name'),
  LoadBackgroundRemovalModel: loaded('bg_removal_name'),
  BrushNetLoader: loaded('brushnet'),
  SAMLoader: loaded('model_name'),
  'SAMModelLoader (segment anything)': loaded('model_name'),
  'GroundingDinoModelLoader (segment anything)': loaded('model_name'),
  LoraLoader: (inputs) => ({ outputs: [inputs.weights('model'), inputs.weights('clip')] }),
  LoraLoaderModelOnly: passModel,
  DifferentialDiffusion: passModel,
  VideoTriangleCFGGuidance: passModel,
  VideoLinearCFGGuidance: passModel,
  CLIPTextEncode: encodeText,
  ControlNetApplyAdvanced: applyControlNet,
  InpaintModelConditioning: conditionInpaint,
  BrushNet: brushNet,
  BlendInpaint: blendInpaint,
  SV3D_Conditioning: conditionOrbit,
  VAEEncode: (inputs) => ({ outputs: [latent(inputs.image('pixels'))] }),
  VAEEncodeForInpaint: encodeForInpaint,
  SetLatentNoiseMask: setNoiseMask,
  VAEDecode: (inputs) => ({ outputs: [inputs.latent('samples').image] }),
  KSampler: sample,
  KSamplerAdvanced: sample,
};
