import type { GraphBuilder, Link, Outputs } from '../graph/index.js';

export interface DetailerSource {
  readonly model: Link<'MODEL'>;
  readonly clip: Link<'CLIP'>;
  readonly vae: Link<'VAE'>;
  /** The plain prompts: control maps of the whole picture do not fit the crops. */
  readonly positive: Link<'CONDITIONING'>;
  readonly negative: Link<'CONDITIONING'>;
  readonly seed: number;
}

interface Detailer {
  readonly id: string;
  readonly detectorId: string;
  readonly detector: string;
  readonly threshold: number;
  readonly denoise: number;
  /** Outlines what was found; without it the box is repainted. */
  readonly sam?: Link<'SAM_MODEL'>;
}

const detail = (
  g: GraphBuilder,
  image: Link<'IMAGE'>,
  source: DetailerSource,
  detailer: Detailer,
): Outputs<'FaceDetailer'> => {
  const found = g.add(detailer.detectorId, 'UltralyticsDetectorProvider', {
    model_name: detailer.detector,
  });
  return g.add(detailer.id, 'FaceDetailer', {
    ...source,
    image,
    guide_size: 512.0,
    guide_size_for: true,
    max_size: 1024.0,
    steps: 20,
    cfg: 7.0,
    sampler_name: 'dpmpp_2m',
    scheduler: 'karras',
    denoise: detailer.denoise,
    feather: 5,
    noise_mask: true,
    force_inpaint: true,
    bbox_threshold: detailer.threshold,
    bbox_dilation: 10,
    bbox_crop_factor: 3.0,
    sam_detection_hint: 'center-1',
    sam_dilation: 0,
    sam_threshold: 0.93,
    sam_bbox_expansion: 0,
    sam_mask_hint_threshold: 0.7,
    sam_mask_hint_use_negative: 'False',
    drop_size: 10,
    bbox_detector: found.bboxDetector,
    wildcard: '',
    cycle: 1,
    inpaint_model: false,
    noise_mask_feather: 20,
    ...(detailer.sam && { sam_model_opt: detailer.sam }),
  });
};

/** 70–73: repaints faces, then hands, each enlarged. Returns the picture. */
export const detailFaceAndHands = (
  g: GraphBuilder,
  image: Link<'IMAGE'>,
  source: DetailerSource,
  { sam, face, hands }: { sam: Link<'SAM_MODEL'>; face: number; hands: number },
): Link<'IMAGE'> => {
  const withFace = detail(g, image, source, {
    id: '71',
    detectorId: '70',
    detector: 'bbox/face_yolov8m.pt',
    threshold: 0.5,
    denoise: face,
    sam,
  });
  return detail(g, withFace.image, source, {
    id: '73',
    detectorId: '72',
    detector: 'bbox/hand_yolov8s.pt',
    threshold: 0.4,
    denoise: hands,
  }).image;
};
