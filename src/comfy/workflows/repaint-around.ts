import { GraphBuilder, type Graph, type Link } from '../graph/index.js';
import {
  givenMask,
  guide,
  pasteOver,
  prompts,
  salientMask,
  samModel,
  samOutline,
  saveMask,
  saveResult,
  scaledSource,
  subjectGuides,
} from './parts.js';
import type { BuildContext, Step } from './workflow.js';

export interface RepaintAround {
  readonly checkpoint: string;
  /** A LoRA file over model and words; none: the checkpoint alone. */
  readonly lora?: string;
  readonly positive: string;
  readonly negative: string;
  readonly seed: number;
}

export const REPAINT_STEPS: readonly Step[] = [
  { words: 'Reading the picture', weight: 2, nodeIds: ['1', '2'] },
  {
    words: 'Finding the product',
    weight: 12,
    nodeIds: ['3', '4', '5', '6', '7', '8', '9', '10', '12', '13', '14', '15', '16', '81', '82'],
  },
  {
    words: 'Loading the models',
    weight: 10,
    nodeIds: ['20', '21', '25', '30', '31', '50', '51'],
  },
  {
    words: 'Measuring edges and depth',
    weight: 6,
    nodeIds: ['40', '41', '43', '44', '45', '46', '53', '54', '60'],
  },
  { words: 'Painting the background', weight: 65, nodeIds: ['62'] },
  { words: 'Putting the product back', weight: 5, nodeIds: ['63', '64', '80'] },
];

/** The subject that the person's mask shows, else what stands out, with SAM's outline. */
const subjectOf = (
  g: GraphBuilder,
  image: Link<'IMAGE'>,
  mask: string | undefined,
): Link<'MASK'> => {
  if (mask !== undefined) return givenMask(g, mask, image);
  const salient = salientMask(g, image);
  const sam = samModel(g);
  const region = g.add('12', 'MaskToSEGS', {
    mask: salient,
    combined: true,
    crop_factor: 1.5,
    bbox_fill: false,
    drop_size: 10,
    contour_fill: false,
  });
  return samOutline(g, { sam, segs: region.segs, image });
};

/**
 * Paints everything but the subject from the prompt, guided by the subject's edges and depth, and
 * pastes the subject back (comfyui-workflows §2).
 */
export const repaintAround = (
  settings: RepaintAround,
  { images, filenamePrefix }: BuildContext,
): Graph => {
  const g = new GraphBuilder();
  const { image } = scaledSource(g, images['image']);
  const subject = subjectOf(g, image, images['mask']);
  // One pixel in, so that no rim of the old background is kept.
  const inner = g.add('14', 'GrowMask', { mask: subject, expand: -1, tapered_corners: true }).mask;
  const outside = g.add('15', 'InvertMask', { mask: inner });
  const soft = g.add('16', 'ImpactGaussianBlurMask', { mask: inner, kernel_size: 3, sigma: 2.0 });

  const checkpoint = g.add('20', 'CheckpointLoaderSimple', { ckpt_name: settings.checkpoint });
  const { vae } = checkpoint;
  const styled =
    settings.lora === undefined
      ? checkpoint
      : g.add('21', 'LoraLoader', {
          model: checkpoint.model,
          clip: checkpoint.clip,
          lora_name: settings.lora,
          strength_model: 1.0,
          strength_clip: 1.0,
        });
  const words = prompts(g, styled.clip, settings);

  const guides = subjectGuides(g, image, subject);
  const byEdges = guide(
    g,
    { net: '50', apply: '53' },
    {
      ...words,
      file: 'control-lora-canny-rank256.safetensors',
      image: guides.edges,
      end: 0.8,
      vae,
    },
  );
  const byDepth = guide(
    g,
    { net: '51', apply: '54' },
    {
      ...byEdges,
      file: 'control-lora-depth-rank256.safetensors',
      image: guides.depth,
      end: 0.8,
      vae,
    },
  );

  const blank = g.add('60', 'VAEEncodeForInpaint', {
    pixels: image,
    vae,
    mask: outside.mask,
    grow_mask_by: 6,
  });
  const sampled = g.add('62', 'KSamplerAdvanced', {
    model: styled.model,
    add_noise: 'enable',
    noise_seed: settings.seed,
    steps: 30,
    cfg: 5.5,
    sampler_name: 'dpmpp_sde_gpu',
    scheduler: 'karras',
    positive: byDepth.positive,
    negative: byDepth.negative,
    latent_image: blank.latent,
    start_at_step: 0,
    end_at_step: 1000,
    return_with_leftover_noise: 'disable',
  });
  const painted = g.add('63', 'VAEDecode', { samples: sampled.latent, vae });
  saveResult(
    g,
    pasteOver(g, '64', { destination: painted.image, source: image, mask: soft.mask }),
    filenamePrefix,
  );
  saveMask(g, inner, filenamePrefix);
  return g.build();
};
