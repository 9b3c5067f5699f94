/**
 * The node classes that our workflows use: input names with their types, output names in slot
 * order. A trailing `?` marks an optional input. Source: the recorded /object_info of ComfyUI
 * 0.33.0 with the node packs; a contract test compares this table with it.
 */
const define = <
  const Inputs extends Readonly<Record<string, string>>,
  const Outputs extends Readonly<Record<string, string>>,
>(
  inputs: Inputs,
  outputs: Outputs,
) => ({ inputs, outputs });

export const NODE_CATALOGUE = {
  LoadImage: define({ image: 'COMBO' }, { image: 'IMAGE', mask: 'MASK' }),
  ImageScaleToTotalPixels: define(
    { image: 'IMAGE', upscale_method: 'COMBO', megapixels: 'FLOAT', resolution_steps: 'INT' },
    { image: 'IMAGE' },
  ),
  LoadBackgroundRemovalModel: define({ bg_removal_name: 'COMBO' }, { model: 'BACKGROUND_REMOVAL' }),
  RemoveBackground: define(
    { bg_removal_model: 'BACKGROUND_REMOVAL', image: 'IMAGE' },
    { mask: 'MASK' },
  ),
  SAMLoader: define({ model_name: 'COMBO', device_mode: 'COMBO' }, { model: 'SAM_MODEL' }),
  MaskToSEGS: define(
    {
      mask: 'MASK',
      combined: 'BOOLEAN',
      crop_factor: 'FLOAT',
      bbox_fill: 'BOOLEAN',
      drop_size: 'INT',
      contour_fill: 'BOOLEAN',
    },
    { segs: 'SEGS' },
  ),
  SAMDetectorCombined: define(
    {
      sam_model: 'SAM_MODEL',
      segs: 'SEGS',
      image: 'IMAGE',
      detection_hint: 'COMBO',
      dilation: 'INT',
      threshold: 'FLOAT',
      bbox_expansion: 'INT',
      mask_hint_threshold: 'FLOAT',
      mask_hint_use_negative: 'COMBO',
    },
    { mask: 'MASK' },
  ),
  GrowMask: define({ mask: 'MASK', expand: 'INT', tapered_corners: 'BOOLEAN' }, { mask: 'MASK' }),
  InvertMask: define({ mask: 'MASK' }, { mask: 'MASK' }),
  ImpactGaussianBlurMask: define(
    { mask: 'MASK', kernel_size: 'INT', sigma: 'FLOAT' },
    { mask: 'MASK' },
  ),
  MaskToImage: define({ mask: 'MASK' }, { image: 'IMAGE' }),
  CheckpointLoaderSimple: define(
    { ckpt_name: 'COMBO' },
    { model: 'MODEL', clip: 'CLIP', vae: 'VAE' },
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
  DepthAnythingV2Preprocessor: define(
    { image: 'IMAGE', 'ckpt_name?': 'COMBO', 'resolution?': 'INT' },
    { image: 'IMAGE' },
  ),
  GetImageSize: define({ image: 'IMAGE' }, { width: 'INT', height: 'INT', batch_size: 'INT' }),
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
  VAEEncodeForInpaint: define(
    { pixels: 'IMAGE', vae: 'VAE', mask: 'MASK', grow_mask_by: 'INT' },
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
  VAEDecode: define({ samples: 'LATENT', vae: 'VAE' }, { image: 'IMAGE' }),
  SaveImage: define({ images: 'IMAGE', filename_prefix: 'STRING' }, { images: 'IMAGE' }),
} as const;

export type NodeClassName = keyof typeof NODE_CATALOGUE;
