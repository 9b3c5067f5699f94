import { CORE_NODES, PACK_NODES, type Missing } from '../graph/index.js';

/** A node pack of a GPU machine. */
export interface NodePack {
  readonly repository: string;
  readonly licence: string;
  readonly note?: string;
  readonly classes: readonly (keyof typeof PACK_NODES)[];
}

/** A model file of a GPU machine. */
export interface ModelFile {
  readonly file: string;
  /** Below ComfyUI's folder, or the pack that fetches it by itself. */
  readonly folder: string;
  readonly origin: string;
}

const COMFYUI = { repository: 'Comfy-Org/ComfyUI', version: '0.33.0' } as const;

/** comfyui-workflows §0: the packs whose classes the built-in workflows use. */
export const NODE_PACKS: readonly NodePack[] = [
  {
    repository: 'ltdrdata/ComfyUI-Impact-Pack',
    licence: 'GPL-3.0',
    note: 'version 8.28.3 or newer',
    classes: [
      'SAMLoader',
      'SegmDetectorSEGS',
      'MaskToSEGS',
      'SAMDetectorCombined',
      'ImpactGaussianBlurMask',
      'FaceDetailer',
    ],
  },
  {
    repository: 'ltdrdata/ComfyUI-Impact-Subpack',
    licence: 'AGPL-3.0, with ultralytics (AGPL-3.0)',
    classes: ['UltralyticsDetectorProvider'],
  },
  {
    repository: 'Fannovel16/comfyui_controlnet_aux',
    licence: 'Apache-2.0',
    classes: ['DepthAnythingV2Preprocessor', 'DWPreprocessor'],
  },
  {
    repository: 'Kosinkadink/ComfyUI-VideoHelperSuite',
    licence: 'GPL-3.0',
    classes: ['VHS_VideoCombine'],
  },
  {
    repository: 'gokayfem/ComfyUI_VLM_nodes',
    licence: 'Apache-2.0',
    note: 'needs transformers 5.4 or newer',
    classes: ['MoonDream'],
  },
  {
    repository: 'nullquant/ComfyUI-BrushNet',
    licence: 'Apache-2.0',
    note: 'only for COMFY_BRUSHNET=on; does not run unpatched on ComfyUI newer than 0.3.66',
    classes: ['BrushNetLoader', 'BrushNet', 'BlendInpaint'],
  },
];

const CONTROL_LORA = 'Hugging Face: stabilityai/control-lora';
const ADETAILER = 'Hugging Face: Bingsu/adetailer (AGPL-3.0)';
const NOT_PUBLIC = 'custom-trained, not public';
const BY_CONTROLNET_AUX = 'fetched by comfyui_controlnet_aux itself';

/** comfyui-workflows §7: the files that the built-in workflows name. */
export const MODEL_FILES: readonly ModelFile[] = [
  {
    file: 'epicrealismXL_v4Photoreal.safetensors',
    folder: 'models/checkpoints',
    origin: 'Civitai: model 277058 (epiCRealism XL)',
  },
  {
    file: 'productBackgroundXL.safetensors',
    folder: 'models/checkpoints',
    origin: NOT_PUBLIC,
  },
  {
    file: 'sv3d_p.safetensors',
    folder: 'models/checkpoints',
    origin: 'Hugging Face: stabilityai/sv3d (gated; commercial use needs Stability AI’s terms)',
  },
  {
    file: 'blur_control_xl_v1.safetensors',
    folder: 'models/loras',
    origin: 'Civitai: model 324815, version 364137',
  },
  {
    file: 'epiCPhotoXL.safetensors',
    folder: 'models/loras',
    origin: 'origin unknown, only re-uploads seen',
  },
  {
    file: 'epiCRealismHelper.safetensors',
    folder: 'models/loras',
    origin: 'Civitai: version 118945',
  },
  { file: 'CafesandBars.safetensors', folder: 'models/loras', origin: NOT_PUBLIC },
  { file: 'ProductBackgrounds.safetensors', folder: 'models/loras', origin: NOT_PUBLIC },
  {
    file: 'control-lora-canny-rank256.safetensors',
    folder: 'models/controlnet',
    origin: CONTROL_LORA,
  },
  {
    file: 'control-lora-depth-rank256.safetensors',
    folder: 'models/controlnet',
    origin: CONTROL_LORA,
  },
  {
    file: 'OpenPoseXL2.safetensors',
    folder: 'models/controlnet',
    origin: 'Hugging Face: thibaud/controlnet-openpose-sdxl-1.0',
  },
  {
    file: 'sam_vit_b_01ec64.pth',
    folder: 'models/sams',
    origin: 'Meta: segment-anything release (375 MB)',
  },
  { file: 'bbox/face_yolov8m.pt', folder: 'models/ultralytics', origin: ADETAILER },
  { file: 'bbox/hand_yolov8s.pt', folder: 'models/ultralytics', origin: ADETAILER },
  { file: 'segm/deepfashion2_yolov8s-seg.pt', folder: 'models/ultralytics', origin: ADETAILER },
  {
    file: 'birefnet.safetensors',
    folder: 'models/background_removal',
    origin: 'Hugging Face: Comfy-Org/BiRefNet',
  },
  {
    file: 'depth_anything_v2_vits.pth',
    folder: BY_CONTROLNET_AUX,
    origin: 'Hugging Face: depth-anything/Depth-Anything-V2-Small (Apache-2.0)',
  },
  {
    file: 'yolox_l.torchscript.pt',
    folder: BY_CONTROLNET_AUX,
    origin: 'Hugging Face: hr16/yolox-onnx',
  },
  {
    file: 'dw-ll_ucoco_384_bs5.torchscript.pt',
    folder: BY_CONTROLNET_AUX,
    origin: 'Hugging Face: hr16/DWPose-TorchScript-BatchSize5',
  },
  {
    file: 'random_mask_brushnet_ckpt_sdxl_v0/diffusion_pytorch_model.safetensors',
    folder: 'models/inpaint',
    origin: 'the link in the README of nullquant/ComfyUI-BrushNet',
  },
];

/** Where the files of an input lie, for files that are not in {@link MODEL_FILES}. */
const FOLDERS: Readonly<Record<string, string>> = {
  'CheckpointLoaderSimple.ckpt_name': 'models/checkpoints',
  'ImageOnlyCheckpointLoader.ckpt_name': 'models/checkpoints',
  'LoraLoader.lora_name': 'models/loras',
  'ControlNetLoader.control_net_name': 'models/controlnet',
  'SAMLoader.model_name': 'models/sams',
  'UltralyticsDetectorProvider.model_name': 'models/ultralytics',
  'LoadBackgroundRemovalModel.bg_removal_name': 'models/background_removal',
  'UpscaleModelLoader.model_name': 'models/upscale_models',
  'VAELoader.vae_name': 'models/vae',
};

export interface Remedy {
  /** One sentence that says what to do. */
  readonly hint: string;
  /** Of the node pack, or of ComfyUI. */
  readonly repository?: string;
  /** Below ComfyUI's folder. */
  readonly folder?: string;
  readonly origin?: string;
}

const installPack = (className: string): Remedy | undefined => {
  if (className in CORE_NODES) {
    const { repository, version } = COMFYUI;
    return { repository, hint: `Update ComfyUI to ${version} or newer.` };
  }
  const pack = NODE_PACKS.find(({ classes }) => classes.some((one) => one === className));
  if (!pack) return undefined;
  const { repository, note } = pack;
  return {
    repository,
    hint: `Install the node pack https://github.com/${repository}${note ? ` (${note})` : ''}.`,
  };
};

const bringFile = (input: string, file: string): Remedy | undefined => {
  const known = MODEL_FILES.find((one) => one.file === file);
  if (known) {
    const { folder, origin } = known;
    if (folder === BY_CONTROLNET_AUX) {
      return { origin, hint: `${file} is ${folder}; update that node pack.` };
    }
    return { folder, origin, hint: `Put ${file} into ComfyUI/${folder} (${origin}).` };
  }
  const folder = FOLDERS[input];
  return folder === undefined ? undefined : { folder, hint: `Put ${file} into ComfyUI/${folder}.` };
};

/** What to install on the GPU machine, where it is known. */
export const remedyFor = (missing: Missing): Remedy | undefined =>
  missing.value === undefined ? installPack(missing.name) : bringFile(missing.name, missing.value);
