import { GraphBuilder } from '../graph/index.js';
import { NODES, salientMask, saveMask } from './parts.js';
import { findNumber, imageInput, number, seedParameter, type Workflow } from './workflow.js';

const WEBP = '81';
const FRAMES = 21;
const SIDE = 576;
const FRAMES_PER_SECOND = 7;
const DEFAULT_ELEVATION = 10;

/** A product that turns once around (SV3D, comfyui-workflows §4), as a GIF and as a WEBP. */
export const turntables: Workflow = {
  id: 'turntables',
  title: 'Turntable',
  description: 'Turns a product once around its axis, as an animated GIF and WEBP of 21 views.',
  defaultCredits: 15,
  deadlineSeconds: 1_200,
  inputs: [imageInput],
  parameters: {
    elevation: {
      type: 'number',
      description: 'Degrees from which the camera looks down (below 0: up); 0 to 30 looks best',
      minimum: -90,
      maximum: 90,
      default: DEFAULT_ELEVATION,
      example: DEFAULT_ELEVATION,
    },
    seed: seedParameter('random'),
  },
  requiredParameters: [],
  outputs: [
    { name: 'gif', type: 'file', nodeId: NODES.result },
    { name: 'webp', type: 'file', nodeId: WEBP },
    { name: 'mask', type: 'file', nodeId: NODES.mask },
  ],
  subjectMask: 'mask',
  steps: [
    { words: 'Reading the picture', weight: 1, nodeIds: ['1', '3', '4'] },
    {
      words: 'Cutting the product out',
      weight: 6,
      nodeIds: ['5', '6', '8', '9', '82', '83'],
    },
    { words: 'Loading the model', weight: 13, nodeIds: ['20', '30', '40'] },
    { words: 'Turning the product', weight: 70, nodeIds: ['62'] },
    { words: 'Saving the animation', weight: 10, nodeIds: ['63', '80', '81'] },
  ],
  build(parameters, { images, filenamePrefix }) {
    const g = new GraphBuilder();
    const source = g.add('1', 'LoadImage', { image: images['image'] ?? '' });
    const size = g.add('3', 'GetImageSize', { image: source.image });
    const white = g.add('4', 'EmptyImage', {
      width: size.width,
      height: size.height,
      batch_size: 1,
      color: 0xffffff,
    });
    const subject = salientMask(g, source.image);
    const onWhite = g.add('5', 'ImageCompositeMasked', {
      destination: white.image,
      source: source.image,
      x: 0,
      y: 0,
      resize_source: false,
      mask: subject,
    });
    // SV3D_Conditioning would cut a picture that is not square.
    const square = g.add('6', 'ResizeAndPadImage', {
      image: onWhite.image,
      target_width: SIDE,
      target_height: SIDE,
      padding_color: 'white',
      interpolation: 'lanczos',
    });
    const checkpoint = g.add('20', 'ImageOnlyCheckpointLoader', {
      ckpt_name: 'sv3d_p.safetensors',
    });
    const orbit = g.add('30', 'SV3D_Conditioning', {
      clip_vision: checkpoint.clipVision,
      init_image: square.image,
      vae: checkpoint.vae,
      width: SIDE,
      height: SIDE,
      video_frames: FRAMES,
      elevation: findNumber(parameters, 'elevation') ?? DEFAULT_ELEVATION,
    });
    const guidance = g.add('40', 'VideoTriangleCFGGuidance', {
      model: checkpoint.model,
      min_cfg: 1.0,
    });
    const sampled = g.add('62', 'KSampler', {
      model: guidance.model,
      seed: number(parameters, 'seed'),
      steps: 30,
      cfg: 2.5,
      sampler_name: 'euler',
      scheduler: 'karras',
      positive: orbit.positive,
      negative: orbit.negative,
      latent_image: orbit.latent,
      denoise: 1.0,
    });
    const frames = g.add('63', 'VAEDecode', {
      samples: sampled.latent,
      vae: checkpoint.vae,
    });
    g.add(NODES.result, 'VHS_VideoCombine', {
      images: frames.image,
      frame_rate: FRAMES_PER_SECOND,
      loop_count: 0,
      filename_prefix: `${filenamePrefix}/gif`,
      format: 'image/gif',
      pingpong: false,
      save_output: true,
    });
    g.add(WEBP, 'SaveAnimatedWEBP', {
      images: frames.image,
      filename_prefix: `${filenamePrefix}/webp`,
      fps: FRAMES_PER_SECOND,
      lossless: false,
      quality: 85,
      method: 'default',
    });
    saveMask(g, subject, filenamePrefix, '83');
    return g.build();
  },
};
