import { GraphBuilder, type Graph } from '../graph/index.js';
import {
  givenMask,
  NODES,
  prompts,
  salientMask,
  saveMask,
  saveResult,
  scaledSource,
} from './parts.js';
import { REPAINT_STEPS, repaintAround, type RepaintAround } from './repaint-around.js';
import {
  imageInput,
  maskInput,
  negativePromptParameter,
  number,
  promptOf,
  promptParameter,
  seedParameter,
  text,
  type BuildContext,
  type Workflow,
} from './workflow.js';

const BRUSHNET = 'brushnet';
const CORE = 'core';

/** comfyui-workflows §3: BrushNet paints what its mask shows and keeps the rest. */
const brushNetGraph = (
  settings: RepaintAround,
  { images, filenamePrefix }: BuildContext,
): Graph => {
  const g = new GraphBuilder();
  const { image } = scaledSource(g, images['image']);
  const found =
    images['mask'] === undefined ? salientMask(g, image) : givenMask(g, images['mask'], image);
  const subject = g.add('14', 'ThresholdMask', { mask: found, value: 0.5 }).mask;
  const outside = g.add('15', 'InvertMask', { mask: subject }).mask;
  const checkpoint = g.add('20', 'CheckpointLoaderSimple', { ckpt_name: settings.checkpoint });
  const weights = g.add('25', 'BrushNetLoader', {
    brushnet: 'random_mask_brushnet_ckpt_sdxl_v0/diffusion_pytorch_model.safetensors',
    dtype: 'float16',
  });
  const words = prompts(g, checkpoint.clip, settings);
  const brushed = g.add('40', 'BrushNet', {
    model: checkpoint.model,
    vae: checkpoint.vae,
    image,
    mask: outside,
    brushnet: weights.brushnet,
    ...words,
    scale: 1.0,
    start_at: 0,
    end_at: 10_000,
  });
  const sampled = g.add('62', 'KSampler', {
    model: brushed.model,
    seed: settings.seed,
    steps: 30,
    cfg: 6.0,
    sampler_name: 'dpmpp_2m',
    scheduler: 'karras',
    positive: brushed.positive,
    negative: brushed.negative,
    latent_image: brushed.latent,
    denoise: 1.0,
  });
  const painted = g.add('63', 'VAEDecode', { samples: sampled.latent, vae: checkpoint.vae });
  const blended = g.add('64', 'BlendInpaint', {
    inpaint: painted.image,
    original: image,
    mask: outside,
    kernel: 5,
    sigma: 3.0,
  });
  saveResult(g, blended.image, filenamePrefix);
  saveMask(g, subject, filenamePrefix);
  return g.build();
};

/**
 * Another place around whatever the picture shows. BrushNet is broken on current ComfyUI unpatched,
 * so the graph of core nodes is the rule, and BrushNet's runs only where it is wanted and installed.
 */
export const backgroundChanges = ({ brushnet }: { brushnet: boolean }): Workflow => ({
  id: 'background-changes',
  title: 'Background change',
  description: 'Moves the subject of a picture to another place, in any style you describe.',
  defaultCredits: 5,
  deadlineSeconds: 600,
  inputs: [
    imageInput,
    maskInput('A saved file that is white where the subject is; without it the subject is found'),
  ],
  parameters: {
    prompt: promptParameter('The new place', 'on a wooden terrace by the sea at sunset'),
    negativePrompt: negativePromptParameter,
    seed: seedParameter('random'),
  },
  requiredParameters: ['prompt'],
  outputs: [
    { name: 'image', type: 'file', nodeId: NODES.result },
    { name: 'mask', type: 'file', nodeId: NODES.mask },
  ],
  subjectMask: 'mask',
  paste: { sourceRole: 'image', imageOutput: 'image', maskOutput: 'mask', kept: 'white' },
  variants: brushnet ? [BRUSHNET, CORE] : [CORE],
  steps: REPAINT_STEPS,
  build(parameters, context) {
    const settings = {
      checkpoint: 'epicrealismXL_v4Photoreal.safetensors',
      positive: promptOf(text(parameters, 'prompt')),
      negative: promptOf(text(parameters, 'negativePrompt')),
      seed: number(parameters, 'seed'),
    };
    return context.variant === BRUSHNET
      ? brushNetGraph(settings, context)
      : repaintAround(settings, context);
  },
});
