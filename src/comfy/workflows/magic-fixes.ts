import { GraphBuilder, type Link } from '../graph/index.js';
import { detailFaceAndHands, type DetailerSource } from './detailers.js';
import {
  givenMask,
  NODES,
  pasteOver,
  prompts,
  samModel,
  saveMask,
  saveResult,
  scaledSource,
} from './parts.js';
import {
  findNumber,
  imageInput,
  maskInput,
  negativePromptParameter,
  number,
  promptOf,
  seedParameter,
  text,
  type Workflow,
} from './workflow.js';

/** Repaints what the soft mask shows; a grey mask means a partial change. */
const repaint = (
  g: GraphBuilder,
  image: Link<'IMAGE'>,
  mask: Link<'MASK'>,
  source: DetailerSource,
  denoise: number,
): Link<'IMAGE'> => {
  const partial = g.add('26', 'DifferentialDiffusion', { model: source.model, strength: 1.0 });
  const latent = g.add('60', 'VAEEncode', { pixels: image, vae: source.vae });
  const masked = g.add('61', 'SetLatentNoiseMask', { samples: latent.latent, mask });
  const sampled = g.add('62', 'KSampler', {
    model: partial.model,
    seed: source.seed,
    steps: 30,
    cfg: 6.0,
    sampler_name: 'dpmpp_2m',
    scheduler: 'karras',
    positive: source.positive,
    negative: source.negative,
    latent_image: masked.latent,
    denoise,
  });
  const painted = g.add('63', 'VAEDecode', { samples: sampled.latent, vae: source.vae });
  return pasteOver(g, '64', { destination: image, source: painted.image, mask });
};

/**
 * Mends a picture (comfyui-workflows §6). With a mask only what it shows is changed; without one,
 * faces and hands are repainted.
 */
export const magicFixes: Workflow = {
  id: 'magic-fixes',
  title: 'Magic fix',
  description: 'Mends what a mask shows, or faces and hands, and leaves the rest as it is.',
  defaultCredits: 4,
  deadlineSeconds: 600,
  inputs: [
    imageInput,
    maskInput('A saved file that is white where to mend; without it faces and hands are mended'),
  ],
  parameters: {
    prompt: {
      type: 'string',
      description: 'What is to be seen where it is mended',
      maxLength: 2_000,
      default: 'clean, sharp, natural photograph in high detail',
      example: 'smooth orange fabric without creases',
    },
    negativePrompt: negativePromptParameter,
    strength: {
      type: 'number',
      description:
        'How much to change: 0.05 hardly, 1 everything. Default: 0.45 under a mask; without one 0.35 for faces, 0.4 for hands',
      minimum: 0.05,
      maximum: 1,
      example: 0.45,
    },
    seed: seedParameter('random'),
  },
  requiredParameters: [],
  outputs: [
    { name: 'image', type: 'file', nodeId: NODES.result },
    { name: 'mask', type: 'file', nodeId: NODES.mask, needsInput: 'mask' },
  ],
  paste: { sourceRole: 'image', imageOutput: 'image', maskOutput: 'mask', kept: 'black' },
  steps: [
    {
      words: 'Reading the picture',
      weight: 3,
      nodeIds: ['1', '2', '3', '4', '5', '6', '7', '14', '15', '81', '82'],
    },
    { words: 'Loading the models', weight: 15, nodeIds: ['10', '20', '26', '30', '31'] },
    { words: 'Mending', weight: 50, nodeIds: ['60', '61', '62', '63', '64'] },
    { words: 'Improving faces', weight: 15, nodeIds: ['70', '71'] },
    { words: 'Improving hands', weight: 15, nodeIds: ['72', '73'] },
    { words: 'Finishing', weight: 2, nodeIds: ['74', '80'] },
  ],
  build(parameters, { images, filenamePrefix }) {
    const g = new GraphBuilder();
    const { image } = scaledSource(g, images['image']);
    const sam = samModel(g);
    const checkpoint = g.add('20', 'CheckpointLoaderSimple', {
      ckpt_name: 'epicrealismXL_v4Photoreal.safetensors',
    });
    const words = prompts(g, checkpoint.clip, {
      positive: promptOf(text(parameters, 'prompt')),
      negative: promptOf(text(parameters, 'negativePrompt')),
    });
    const source = { ...checkpoint, ...words, seed: number(parameters, 'seed') };
    const strength = findNumber(parameters, 'strength');
    const denoise = { sam, face: strength ?? 0.35, hands: strength ?? 0.4 };
    if (images['mask'] === undefined) {
      saveResult(g, detailFaceAndHands(g, image, source, denoise), filenamePrefix);
      return g.build();
    }
    const given = givenMask(g, images['mask'], image);
    const grown = g.add('14', 'GrowMask', { mask: given, expand: 8, tapered_corners: true });
    const soft = g.add('15', 'ImpactGaussianBlurMask', {
      mask: grown.mask,
      kernel_size: 8,
      sigma: 6.0,
    }).mask;
    const mended = repaint(g, image, soft, source, strength ?? 0.45);
    const detailed = detailFaceAndHands(g, mended, source, { sam, face: 0.35, hands: 0.4 });
    // The detailers see the whole picture; what the mask leaves out stays as it was.
    const result = pasteOver(g, '74', { destination: image, source: detailed, mask: soft });
    saveResult(g, result, filenamePrefix);
    saveMask(g, soft, filenamePrefix);
    return g.build();
  },
};
