import { define } from './define-node.js';

/**
 * The classes of ComfyUI itself that our workflows use: input names with their types, output
 * names in slot order. A trailing `?` marks an optional input; those that we never fill are left
 * out.
 */
export const CORE_NODES = {
  LoadImage: define({ image: 'COMBO' }, { image: 'IMAGE', mask: 'MASK' }),
  LoadImageMask: define({ image: 'COMBO', channel: 'COMBO' }, { mask: 'MASK' }),
  ImageScaleToTotalPixels: define(
    { image: 'IMAGE', upscale_method: 'COMBO', megapixels: 'FLOAT', resolution_steps: 'INT' },
    { image: 'IMAGE' },
  ),
  ImageScaleToMaxDimension: define(
    { image: 'IMAGE', upscale_method: 'COMBO', largest_size: 'INT' },
    { image: 'IMAGE' },
  ),
  ImageScale: define(
    { image: 'IMAGE', upscale_method: 'COMBO', width: 'INT', height: 'INT', crop: 'COMBO' },
    { image: 'IMAGE' },
  ),
  ResizeAndPadImage: define(
    {
      image: 'IMAGE',
      target_width: 'INT',
      target_height: 'INT',
      padding_color: 'COMBO',
      interpolation: 'COMBO',
    },
    { image: 'IMAGE' },
  ),
  LoadBackgroundRemovalModel: define({ bg_removal_name: 'COMBO' }, { model: 'BACKGROUND_REMOVAL' }),
  RemoveBackground: define(
    { bg_removal_model: 'BACKGROUND_REMOVAL', image: 'IMAGE' },
    { mask: 'MASK' },
  ),
  GrowMask: define({ mask: 'MASK', expand: 'INT', tapered_corners: 'BOOLEAN' }, { mask: 'MASK' }),
  InvertMask: define({ mask: 'MASK' }, { mask: 'MASK' }),
  ThresholdMask: define({ mask: 'MASK', value: 'FLOAT' }, { mask: 'MASK' }),
  MaskToImage: define({ mask: 'MASK' }, { image: 'IMAGE' }),
  ImageToMask: define({ image: 'IMAGE', channel: 'COMBO' }, { mask: 'MASK' }),
  CheckpointLoaderSimple: define(
    { ckpt_name: 'COMBO' },
    { model: 'MODEL', clip: 'CLIP', vae: 'VAE' },
  ),
  ImageOnlyCheckpointLoader: define(
    { ckpt_name: 'COMBO' },
    { model: 'MODEL', clipVision: 'CLIP_VISION', vae: 'VAE' },
  ),
  LoraLoader: define(
    {
      model: 'MODEL',
      clip: 'CLIP',
      lora_name: 'COMBO',
      strength_model: 'FLOAT',
      strength_clip: 'FLOAT',
    },
    { model: 'MODEL', clip: 'CLIP' },
  ),
  CLIPTextEncode: define({ text: 'STRING', clip: 'CLIP' }, { conditioning: 'CONDITIONING' }),
  Canny: define(
    { image: 'IMAGE', low_threshold: 'FLOAT', high_threshold: 'FLOAT' },
    { image: 'IMAGE' },
  ),
  GetImageSize: define({ image: 'IMAGE' }, { width: 'INT', height: 'INT', batchSize: 'INT' }),
  EmptyImage: define(
    { width: 'INT', height: 'INT', batch_size: 'INT', color: 'INT' },
    { image: 'IMAGE' },
  ),
  ImageCompositeMasked: define(
    {
      destination: 'IMAGE',
      source: 'IMAGE',
      x: 'INT',
      y: 'INT',
      resize_source: 'BOOLEAN',
      'mask?': 'MASK',
    },
    { image: 'IMAGE' },
  ),
  ControlNetLoader: define({ control_net_name: 'COMBO' }, { controlNet: 'CONTROL_NET' }),
  ControlNetApplyAdvanced: define(
    {
      positive: 'CONDITIONING',
      negative: 'CONDITIONING',
      control_net: 'CONTROL_NET',
      image: 'IMAGE',
      strength: 'FLOAT',
      start_percent: 'FLOAT',
      end_percent: 'FLOAT',
      'vae?': 'VAE',
    },
    { positive: 'CONDITIONING', negative: 'CONDITIONING' },
  ),
  DifferentialDiffusion: define({ model: 'MODEL', 'strength?': 'FLOAT' }, { model: 'MODEL' }),
  SetLatentNoiseMask: define({ samples: 'LATENT', mask: 'MASK' }, { latent: 'LATENT' }),
  VAEEncode: define({ pixels: 'IMAGE', vae: 'VAE' }, { latent: 'LATENT' }),
  VAEEncodeForInpaint: define(
    { pixels: 'IMAGE', vae: 'VAE', mask: 'MASK', grow_mask_by: 'INT' },
    { latent: 'LATENT' },
  ),
  KSampler: define(
    {
      model: 'MODEL',
      seed: 'INT',
      steps: 'INT',
      cfg: 'FLOAT',
      sampler_name: 'COMBO',
      scheduler: 'COMBO',
      positive: 'CONDITIONING',
      negative: 'CONDITIONING',
      latent_image: 'LATENT',
      denoise: 'FLOAT',
    },
    { latent: 'LATENT' },
  ),
  KSamplerAdvanced: define(
    {
      model: 'MODEL',
      add_noise: 'COMBO',
      noise_seed: 'INT',
      steps: 'INT',
      cfg: 'FLOAT',
      sampler_name: 'COMBO',
      scheduler: 'COMBO',
      positive: 'CONDITIONING',
      negative: 'CONDITIONING',
      latent_image: 'LATENT',
      start_at_step: 'INT',
      end_at_step: 'INT',
      return_with_leftover_noise: 'COMBO',
    },
    { latent: 'LATENT' },
  ),
  SV3D_Conditioning: define(
    {
      clip_vision: 'CLIP_VISION',
      init_image: 'IMAGE',
      vae: 'VAE',
      width: 'INT',
      height: 'INT',
      video_frames: 'INT',
      elevation: 'FLOAT',
    },
    { positive: 'CONDITIONING', negative: 'CONDITIONING', latent: 'LATENT' },
  ),
  VideoTriangleCFGGuidance: define({ model: 'MODEL', min_cfg: 'FLOAT' }, { model: 'MODEL' }),
  VAEDecode: define({ samples: 'LATENT', vae: 'VAE' }, { image: 'IMAGE' }),
  SaveImage: define({ images: 'IMAGE', filename_prefix: 'STRING' }, { images: 'IMAGE' }),
  SaveAnimatedWEBP: define(
    {
      images: 'IMAGE',
      filename_prefix: 'STRING',
      fps: 'FLOAT',
      lossless: 'BOOLEAN',
      quality: 'INT',
      method: 'COMBO',
    },
    { images: 'IMAGE' },
  ),
  PreviewAny: define({ source: '*' }, { text: 'STRING' }),
} as const;
