import { GraphBuilder, type Graph, type Link } from '../graph/index.js';
import {
  backgroundOf,
  backgroundParameter,
  backgroundsFor,
  type Background,
} from './backgrounds.js';
import { detailFaceAndHands } from './detailers.js';
import {
  guide,
  NODES,
  pasteOver,
  prompts,
  samModel,
  samOutline,
  saveMask,
  saveResult,
  scaledSource,
  subjectGuides,
} from './parts.js';
import {
  imageInput,
  negativePromptParameter,
  number,
  promptOf,
  promptParameter,
  seedParameter,
  text,
  type BuildContext,
  type ParameterSchema,
  type Parameters,
  type Workflow,
} from './workflow.js';

const ID = 'apparel-shoots';
const DEFAULT_BACKGROUND = 'cafes-and-bars';
const DEFAULT_SEED = 537728872980780;

/** What the garment detector can tell apart (deepfashion2). */
const GARMENTS = [
  'short_sleeved_shirt',
  'long_sleeved_shirt',
  'short_sleeved_outwear',
  'long_sleeved_outwear',
  'vest',
  'sling',
  'shorts',
  'trousers',
  'skirt',
  'short_sleeved_dress',
  'long_sleeved_dress',
  'vest_dress',
  'sling_dress',
] as const;

const garmentsParameter: ParameterSchema = {
  type: 'array',
  description: 'The kinds of garment to keep (in a form: separated by commas); all when not given',
  items: { type: 'string', enum: GARMENTS },
  minItems: 1,
  uniqueItems: true,
  default: GARMENTS,
  example: ['long_sleeved_outwear', 'trousers'],
};

const personParameter: ParameterSchema = {
  type: 'string',
  description: 'Who wears it: ethnicity, age, look',
  maxLength: 500,
  example: 'a Japanese woman of 30 with short black hair, smiling',
  examples: [
    'a Japanese woman of 30 with short black hair, smiling',
    'a Nigerian man of 45 with a grey beard and glasses, calm look',
    'a Swedish woman of 60 with long white hair, freckles, looking into the distance',
  ],
};

/** SAM's outline of the garments that are worn. */
const garmentsIn = (
  g: GraphBuilder,
  image: Link<'IMAGE'>,
  sam: Link<'SAM_MODEL'>,
  labels: string,
): Link<'MASK'> => {
  const detector = g.add('11', 'UltralyticsDetectorProvider', {
    model_name: 'segm/deepfashion2_yolov8s-seg.pt',
  });
  const found = g.add('12', 'SegmDetectorSEGS', {
    segm_detector: detector.segmDetector,
    image,
    threshold: 0.4,
    dilation: 0,
    crop_factor: 1.5,
    drop_size: 10,
    labels,
  });
  return samOutline(g, { sam, segs: found.segs, image });
};

/** The checkpoint with the LoRAs of the product over it, the background's last. */
const styledModel = (g: GraphBuilder, backgroundFile: string) => {
  const checkpoint = g.add('20', 'CheckpointLoaderSimple', {
    ckpt_name: 'epicrealismXL_v4Photoreal.safetensors',
  });
  const files = [
    ['21', 'blur_control_xl_v1.safetensors'],
    ['22', 'epiCPhotoXL.safetensors'],
    ['23', 'epiCRealismHelper.safetensors'],
    ['24', backgroundFile],
  ] as const;
  let styled: { model: Link<'MODEL'>; clip: Link<'CLIP'> } = checkpoint;
  for (const [id, file] of files) {
    styled = g.add(id, 'LoraLoader', {
      model: styled.model,
      clip: styled.clip,
      lora_name: file,
      strength_model: 1.0,
      strength_clip: 1.0,
    });
  }
  return { ...styled, vae: checkpoint.vae };
};

/** 42: the pose of the person who wears the garment. */
const poseIn = (g: GraphBuilder, image: Link<'IMAGE'>): Link<'IMAGE'> =>
  g.add('42', 'DWPreprocessor', {
    image,
    detect_hand: 'enable',
    detect_body: 'enable',
    detect_face: 'enable',
    resolution: 1024,
    bbox_detector: 'yolox_l.torchscript.pt',
    pose_estimator: 'dw-ll_ucoco_384_bs5.torchscript.pt',
    scale_stick_for_xinsr_cn: 'disable',
  }).image;

const build = (
  parameters: Parameters,
  background: Background,
  { images, filenamePrefix }: BuildContext,
): Graph => {
  const g = new GraphBuilder();
  const seed = number(parameters, 'seed');
  const { image } = scaledSource(g, images['image']);
  const sam = samModel(g);
  const labels = parameters['garments'];
  const garment = garmentsIn(g, image, sam, Array.isArray(labels) ? labels.join(',') : '');
  // Three pixels in, so that no rim of the old background is kept.
  const inner = g.add('14', 'GrowMask', { mask: garment, expand: -3, tapered_corners: true }).mask;
  const outside = g.add('15', 'InvertMask', { mask: inner });
  const soft = g.add('16', 'ImpactGaussianBlurMask', { mask: inner, kernel_size: 4, sigma: 3.0 });

  const { model, clip, vae } = styledModel(g, background.file);
  const words = prompts(g, clip, {
    positive: promptOf(text(parameters, 'person'), text(parameters, 'prompt'), background.words),
    negative: promptOf(text(parameters, 'negativePrompt')),
  });

  const guides = subjectGuides(g, image, garment);
  const pose = poseIn(g, image);
  let guided = words;
  for (const [net, apply, file, picture] of [
    ['50', '53', 'control-lora-canny-rank256.safetensors', guides.edges],
    ['51', '54', 'control-lora-depth-rank256.safetensors', guides.depth],
    ['52', '55', 'OpenPoseXL2.safetensors', pose],
  ] as const) {
    guided = guide(g, { net, apply }, { ...guided, file, image: picture, end: 1.0, vae });
  }

  const latent = g.add('60', 'VAEEncode', { pixels: image, vae });
  const masked = g.add('61', 'SetLatentNoiseMask', { samples: latent.latent, mask: outside.mask });
  const sampled = g.add('62', 'KSampler', {
    model,
    seed,
    steps: 30,
    cfg: 8.5,
    sampler_name: 'dpmpp_2m',
    scheduler: 'karras',
    ...guided,
    latent_image: masked.latent,
    denoise: 0.8,
  });
  const painted = g.add('63', 'VAEDecode', { samples: sampled.latent, vae });
  // Pasted back twice: the detailers see the real garment, and cannot alter it.
  const dressed = pasteOver(g, '64', {
    destination: painted.image,
    source: image,
    mask: soft.mask,
  });
  const detailed = detailFaceAndHands(
    g,
    dressed,
    { model, clip, vae, ...words, seed },
    { sam, face: 0.4, hands: 0.4 },
  );
  const result = pasteOver(g, '74', { destination: detailed, source: image, mask: soft.mask });
  saveResult(g, result, filenamePrefix);
  saveMask(g, inner, filenamePrefix);
  return g.build();
};

/** A worn garment on another person in another place (comfyui-workflows §1; settings of the product). */
export const apparelShoots = (backgrounds: readonly Background[]): Workflow => {
  const offered = backgroundsFor(backgrounds, ID, DEFAULT_BACKGROUND);
  return {
    id: ID,
    title: 'Apparel shoot',
    description:
      'Shows a worn garment on another person in another place and keeps the garment pixel for pixel.',
    defaultCredits: 10,
    deadlineSeconds: 900,
    inputs: [imageInput],
    parameters: {
      prompt: promptParameter(
        'The new place and mood',
        'sitting at a café table in soft window light, blurred guests behind, film photograph',
      ),
      person: personParameter,
      negativePrompt: negativePromptParameter,
      garments: garmentsParameter,
      background: backgroundParameter(offered, DEFAULT_BACKGROUND),
      seed: seedParameter(DEFAULT_SEED),
    },
    requiredParameters: ['prompt'],
    outputs: [
      { name: 'image', type: 'file', nodeId: NODES.result },
      { name: 'mask', type: 'file', nodeId: NODES.mask },
    ],
    subjectMask: 'mask',
    paste: { sourceRole: 'image', imageOutput: 'image', maskOutput: 'mask', kept: 'white' },
    choice: 'background',
    steps: [
      { words: 'Reading the picture', weight: 1, nodeIds: ['1', '2'] },
      {
        words: 'Finding the garment',
        weight: 8,
        nodeIds: ['10', '11', '12', '13', '14', '15', '16', '81', '82'],
      },
      {
        words: 'Loading the models',
        weight: 10,
        nodeIds: ['20', '21', '22', '23', '24', '30', '31', '50', '51', '52'],
      },
      {
        words: 'Measuring edges, depth and pose',
        weight: 6,
        nodeIds: ['40', '41', '42', '43', '44', '45', '46', '53', '54', '55', '60', '61'],
      },
      { words: 'Painting the person and the place', weight: 50, nodeIds: ['62'] },
      { words: 'Putting the garment back', weight: 2, nodeIds: ['63', '64'] },
      { words: 'Improving the face', weight: 11, nodeIds: ['70', '71'] },
      { words: 'Improving the hands', weight: 11, nodeIds: ['72', '73'] },
      { words: 'Finishing', weight: 1, nodeIds: ['74', '80'] },
    ],
    build: (parameters, context) => build(parameters, backgroundOf(offered, parameters), context),
  };
};
