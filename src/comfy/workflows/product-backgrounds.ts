import { GraphBuilder } from '../graph/index.js';
import {
  imageInput,
  negativePromptParameter,
  number,
  promptParameter,
  seedParameter,
  text,
  type Workflow,
} from './workflow.js';

const RESULT = '80';
const MASK = '82';

/**
 * A product on a new background (comfyui-workflows §2; the settings are the product's). The subject
 * is found by background removal refined by SAM, everything else is painted from the prompt, guided
 * by the product's edges and depth, and the product is pasted back.
 */
export const productBackgrounds: Workflow = {
  id: 'product-backgrounds',
  title: 'Product background',
  description: 'Puts a product in front of a new background and keeps the product pixel for pixel.',
  defaultCredits: 5,
  deadlineSeconds: 600,
  inputs: [imageInput],
  parameters: {
    prompt: promptParameter(
      'The new background',
      'on a white marble table in soft morning light, blurred green plants behind',
    ),
    negativePrompt: negativePromptParameter,
    seed: seedParameter('random'),
  },
  requiredParameters: ['prompt'],
  outputs: [
    { name: 'image', type: 'file', nodeId: RESULT },
    { name: 'mask', type: 'file', nodeId: MASK },
  ],
  subject: { sourceRole: 'image', imageOutput: 'image', maskOutput: 'mask' },
  steps: [
    { words: 'Reading the picture', weight: 2, nodeIds: ['1', '2'] },
    {
      words: 'Finding the product',
      weight: 12,
      nodeIds: ['8', '9', '10', '12', '13', '14', '15', '16', '81', '82'],
    },
    { words: 'Loading the models', weight: 10, nodeIds: ['20', '21', '30', '31', '50', '51'] },
    {
      words: 'Measuring edges and depth',
      weight: 6,
      nodeIds: ['40', '41', '43', '44', '45', '46', '53', '54', '60'],
    },
    { words: 'Painting the background', weight: 65, nodeIds: ['62'] },
    { words: 'Putting the product back', weight: 5, nodeIds: ['63', '64', '80'] },
  ],
  build(parameters, { images, filenamePrefix }) {
    const g = new GraphBuilder();
    const source = g.add('1', 'LoadImage', { image: images['image'] ?? '' });
    const scaled = g.add('2', 'ImageScaleToTotalPixels', {
      image: source.image,
      upscale_method: 'lanczos',
      megapixels: 1.0,
      resolution_steps: 8,
    });

    const remover = g.add('8', 'LoadBackgroundRemovalModel', {
      bg_removal_name: 'birefnet.safetensors',
    });
    const salient = g.add('9', 'RemoveBackground', {
      bg_removal_model: remover.model,
      image: scaled.image,
    });
    const sam = g.add('10', 'SAMLoader', {
      model_name: 'sam_vit_b_01ec64.pth',
      device_mode: 'AUTO',
    });
    const region = g.add('12', 'MaskToSEGS', {
      mask: salient.mask,
      combined: true,
      crop_factor: 1.5,
      bbox_fill: false,
      drop_size: 10,
      contour_fill: false,
    });
    const subject = g.add('13', 'SAMDetectorCombined', {
      sam_model: sam.model,
      segs: region.segs,
      image: scaled.image,
      detection_hint: 'mask-area',
      dilation: 0,
      threshold: 0.93,
      bbox_expansion: 0,
      mask_hint_threshold: 0.7,
      mask_hint_use_negative: 'False',
    });
    // One pixel in, so that no rim of the old background is kept.
    const inner = g.add('14', 'GrowMask', {
      mask: subject.mask,
      expand: -1,
      tapered_corners: true,
    });
    const outside = g.add('15', 'InvertMask', { mask: inner.mask });
    const soft = g.add('16', 'ImpactGaussianBlurMask', {
      mask: inner.mask,
      kernel_size: 3,
      sigma: 2.0,
    });

    const checkpoint = g.add('20', 'CheckpointLoaderSimple', {
      ckpt_name: 'productBackgroundXL.safetensors',
    });
    const styled = g.add('21', 'LoraLoader', {
      model: checkpoint.model,
      clip: checkpoint.clip,
      lora_name: 'ProductBackgrounds.safetensors',
      strength_model: 1.0,
      strength_clip: 1.0,
    });
    const positive = g.add('30', 'CLIPTextEncode', {
      text: text(parameters, 'prompt'),
      clip: styled.clip,
    });
    const negative = g.add('31', 'CLIPTextEncode', {
      text: text(parameters, 'negativePrompt'),
      clip: styled.clip,
    });

    const edges = g.add('40', 'Canny', {
      image: scaled.image,
      low_threshold: 0.4,
      high_threshold: 0.8,
    });
    const depth = g.add('41', 'DepthAnythingV2Preprocessor', {
      image: scaled.image,
      ckpt_name: 'depth_anything_v2_vits.pth',
      resolution: 1024,
    });
    const size = g.add('43', 'GetImageSize', { image: scaled.image });
    const black = g.add('44', 'EmptyImage', {
      width: size.width,
      height: size.height,
      batch_size: 1,
      color: 0,
    });
    // The guides show the product alone: the old background must not steer the new one.
    const subjectEdges = g.add('45', 'ImageCompositeMasked', {
      destination: black.image,
      source: edges.image,
      x: 0,
      y: 0,
      resize_source: true,
      mask: subject.mask,
    });
    const subjectDepth = g.add('46', 'ImageCompositeMasked', {
      destination: black.image,
      source: depth.image,
      x: 0,
      y: 0,
      resize_source: true,
      mask: subject.mask,
    });
    const canny = g.add('50', 'ControlNetLoader', {
      control_net_name: 'control-lora-canny-rank256.safetensors',
    });
    const depthNet = g.add('51', 'ControlNetLoader', {
      control_net_name: 'control-lora-depth-rank256.safetensors',
    });
    const byEdges = g.add('53', 'ControlNetApplyAdvanced', {
      positive: positive.conditioning,
      negative: negative.conditioning,
      control_net: canny.controlNet,
      image: subjectEdges.image,
      strength: 1.0,
      start_percent: 0.0,
      end_percent: 0.8,
      vae: checkpoint.vae,
    });
    const byDepth = g.add('54', 'ControlNetApplyAdvanced', {
      positive: byEdges.positive,
      negative: byEdges.negative,
      control_net: depthNet.controlNet,
      image: subjectDepth.image,
      strength: 1.0,
      start_percent: 0.0,
      end_percent: 0.8,
      vae: checkpoint.vae,
    });

    const latent = g.add('60', 'VAEEncodeForInpaint', {
      pixels: scaled.image,
      vae: checkpoint.vae,
      mask: outside.mask,
      grow_mask_by: 6,
    });
    const sampled = g.add('62', 'KSamplerAdvanced', {
      model: styled.model,
      add_noise: 'enable',
      noise_seed: number(parameters, 'seed'),
      steps: 30,
      cfg: 5.5,
      sampler_name: 'dpmpp_sde_gpu',
      scheduler: 'karras',
      positive: byDepth.positive,
      negative: byDepth.negative,
      latent_image: latent.latent,
      start_at_step: 0,
      end_at_step: 1000,
      return_with_leftover_noise: 'disable',
    });
    const painted = g.add('63', 'VAEDecode', { samples: sampled.latent, vae: checkpoint.vae });
    const pasted = g.add('64', 'ImageCompositeMasked', {
      destination: painted.image,
      source: scaled.image,
      x: 0,
      y: 0,
      resize_source: false,
      mask: soft.mask,
    });
    g.add(RESULT, 'SaveImage', {
      images: pasted.image,
      filename_prefix: `${filenamePrefix}/image`,
    });
    const maskImage = g.add('81', 'MaskToImage', { mask: inner.mask });
    g.add(MASK, 'SaveImage', {
      images: maskImage.image,
      filename_prefix: `${filenamePrefix}/mask`,
    });
    return g.build();
  },
};
