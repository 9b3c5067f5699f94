import type { GraphBuilder, Link } from '../graph/index.js';

/** Pieces that several workflows are made of. Node ids are those of comfyui-workflows. */

type Image = Link<'IMAGE'>;
type Mask = Link<'MASK'>;

export const NODES = { result: '80', mask: '82' } as const;

/** 1, 2: the person's picture near one megapixel, both sides multiples of 8. */
export const scaledSource = (g: GraphBuilder, name: string | undefined) => {
  const source = g.add('1', 'LoadImage', { image: name ?? '' });
  return g.add('2', 'ImageScaleToTotalPixels', {
    image: source.image,
    upscale_method: 'lanczos',
    megapixels: 1.0,
    resolution_steps: 8,
  });
};

/** 8, 9: the mask of what stands out in a picture. */
export const salientMask = (g: GraphBuilder, image: Image): Mask => {
  const remover = g.add('8', 'LoadBackgroundRemovalModel', {
    bg_removal_name: 'birefnet.safetensors',
  });
  return g.add('9', 'RemoveBackground', { bg_removal_model: remover.model, image }).mask;
};

/** 3, 4, 5, 6, 7: a mask that the person sent, hard-edged and of the size of `image`. */
export const givenMask = (g: GraphBuilder, name: string | undefined, image: Image): Mask => {
  const given = g.add('3', 'LoadImageMask', { image: name ?? '', channel: 'red' });
  const picture = g.add('4', 'MaskToImage', { mask: given.mask });
  const size = g.add('5', 'GetImageSize', { image });
  const fitted = g.add('6', 'ImageScale', {
    image: picture.image,
    upscale_method: 'bilinear',
    width: size.width,
    height: size.height,
    crop: 'disabled',
  });
  return g.add('7', 'ImageToMask', { image: fitted.image, channel: 'red' }).mask;
};

/** 10: SAM, for outlines and for the face detailer. */
export const samModel = (g: GraphBuilder) =>
  g.add('10', 'SAMLoader', { model_name: 'sam_vit_b_01ec64.pth', device_mode: 'AUTO' }).model;

/** 13: SAM's outline of the regions found. */
export const samOutline = (
  g: GraphBuilder,
  given: { sam: Link<'SAM_MODEL'>; segs: Link<'SEGS'>; image: Image },
): Mask =>
  g.add('13', 'SAMDetectorCombined', {
    sam_model: given.sam,
    segs: given.segs,
    image: given.image,
    detection_hint: 'mask-area',
    dilation: 0,
    threshold: 0.93,
    bbox_expansion: 0,
    mask_hint_threshold: 0.7,
    mask_hint_use_negative: 'False',
  }).mask;

/** 30, 31: what is to be seen, and what is not. */
export const prompts = (
  g: GraphBuilder,
  clip: Link<'CLIP'>,
  words: { positive: string; negative: string },
) => ({
  positive: g.add('30', 'CLIPTextEncode', { text: words.positive, clip }).conditioning,
  negative: g.add('31', 'CLIPTextEncode', { text: words.negative, clip }).conditioning,
});

/**
 * 40, 41, 43–46: edges and depth of the subject alone on black. The old background must not steer
 * the new one.
 */
export const subjectGuides = (g: GraphBuilder, image: Image, subject: Mask) => {
  const edges = g.add('40', 'Canny', { image, low_threshold: 0.4, high_threshold: 0.8 });
  const depth = g.add('41', 'DepthAnythingV2Preprocessor', {
    image,
    ckpt_name: 'depth_anything_v2_vits.pth',
    resolution: 1024,
  });
  const size = g.add('43', 'GetImageSize', { image });
  const black = g.add('44', 'EmptyImage', {
    width: size.width,
    height: size.height,
    batch_size: 1,
    color: 0,
  });
  const onBlack = (id: '45' | '46', source: Image) =>
    g.add(id, 'ImageCompositeMasked', {
      destination: black.image,
      source,
      x: 0,
      y: 0,
      resize_source: true,
      mask: subject,
    }).image;
  return { edges: onBlack('45', edges.image), depth: onBlack('46', depth.image) };
};

interface Guided {
  readonly positive: Link<'CONDITIONING'>;
  readonly negative: Link<'CONDITIONING'>;
}

/** Lets a control picture steer both prompts at full strength, from the start until `end`. */
export const guide = (
  g: GraphBuilder,
  ids: { readonly net: string; readonly apply: string },
  given: Guided & { file: string; image: Image; end: number; vae: Link<'VAE'> },
): Guided => {
  const net = g.add(ids.net, 'ControlNetLoader', { control_net_name: given.file });
  return g.add(ids.apply, 'ControlNetApplyAdvanced', {
    positive: given.positive,
    negative: given.negative,
    control_net: net.controlNet,
    image: given.image,
    strength: 1.0,
    start_percent: 0.0,
    end_percent: given.end,
    vae: given.vae,
  });
};

/** Puts `source` over `destination` where `mask` is white. */
export const pasteOver = (
  g: GraphBuilder,
  id: string,
  given: { destination: Image; source: Image; mask: Mask },
): Image => g.add(id, 'ImageCompositeMasked', { ...given, x: 0, y: 0, resize_source: false }).image;

/** 80: the picture that the person gets. */
export const saveResult = (g: GraphBuilder, images: Image, filenamePrefix: string): void => {
  g.add(NODES.result, 'SaveImage', { images, filename_prefix: `${filenamePrefix}/image` });
};

/** 82: a mask as a picture, white where the subject is. */
export const saveMask = (g: GraphBuilder, mask: Mask, filenamePrefix: string, id = '81'): void => {
  const picture = g.add(id, 'MaskToImage', { mask });
  g.add(NODES.mask, 'SaveImage', {
    images: picture.image,
    filename_prefix: `${filenamePrefix}/mask`,
  });
};
