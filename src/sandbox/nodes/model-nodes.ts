/** Loaders, conditioning, latents and samplers: where weights would be, only names travel. */
import { resizeMask } from '../pictures/codec.js';
import { grow } from '../pictures/raster.js';
import { weights, type Conditioning, type Image, type Latent } from '../values.js';
import { sample } from './sampler.js';
import type { NodeInputs, NodeLibrary, NodeResult } from './node.js';

const loaded =
  (input: string, count = 1) =>
  (inputs: NodeInputs): NodeResult => ({
    outputs: Array.from({ length: count }, () => weights(inputs.text(input))),
  });

const passModel = (inputs: NodeInputs): NodeResult => ({ outputs: [inputs.weights('model')] });

const encodeText = (inputs: NodeInputs): NodeResult => {
  const conditioning: Conditioning = { kind: 'conditioning', text: inputs.text('text') };
  return { outputs: [conditioning] };
};

const latent = (picture: Image, repaint?: Latent['repaint']): NodeResult => {
  const value: Latent = { kind: 'latent', image: picture, ...(repaint && { repaint }) };
  return { outputs: [value] };
};

const encodeForInpaint = async (inputs: NodeInputs): Promise<NodeResult> => {
  const picture = inputs.image('pixels');
  const area = await resizeMask(inputs.mask('mask'), picture.width, picture.height);
  return latent(picture, grow(area, inputs.number('grow_mask_by'), false));
};

const setNoiseMask = async (inputs: NodeInputs): Promise<NodeResult> => {
  const { image: picture } = inputs.latent('samples');
  return latent(picture, await resizeMask(inputs.mask('mask'), picture.width, picture.height));
};

export const MODEL_NODES: NodeLibrary = {
  CheckpointLoaderSimple: loaded('ckpt_name', 3),
  ControlNetLoader: loaded('control_net_name'),
  LoadBackgroundRemovalModel: loaded('bg_removal_name'),
  SAMLoader: loaded('model_name'),
  LoraLoader: (inputs) => ({ outputs: [inputs.weights('model'), inputs.weights('clip')] }),
  LoraLoaderModelOnly: passModel,
  CLIPTextEncode: encodeText,
  ControlNetApplyAdvanced: (inputs) => ({
    outputs: [inputs.conditioning('positive'), inputs.conditioning('negative')],
  }),
  VAEEncode: (inputs) => latent(inputs.image('pixels')),
  VAEEncodeForInpaint: encodeForInpaint,
  SetLatentNoiseMask: setNoiseMask,
  VAEDecode: (inputs) => ({ outputs: [inputs.latent('samples').image] }),
  KSampler: sample,
  KSamplerAdvanced: sample,
};
