/** What a Gradio application tells of itself, as far as callers read it. */

export type GradioVersion = '4.24.0' | '6.25.0';

interface Component {
  readonly type: string;
  readonly label: string;
  /** Of the function's argument. */
  readonly name?: string;
  readonly initial?: unknown;
}

const INPUTS: readonly Component[] = [
  { type: 'imageeditor', label: 'Human. Mask with pen or use auto-masking', name: 'dict' },
  { type: 'image', label: 'Garment', name: 'garm_img' },
  { type: 'textbox', label: 'parameter_17', name: 'garment_des' },
  { type: 'checkbox', label: 'Yes', name: 'is_checked', initial: true },
  { type: 'checkbox', label: 'Yes', name: 'is_checked_crop', initial: false },
  { type: 'number', label: 'Denoising Steps', name: 'denoise_steps', initial: 30 },
  { type: 'number', label: 'Seed', name: 'seed', initial: 42 },
];
const OUTPUTS: readonly Component[] = [
  { type: 'image', label: 'Output' },
  { type: 'image', label: 'Masked image output' },
];
const BY_NAME: Readonly<Record<string, string>> = {
  imageeditor: 'Imageeditor',
  image: 'Image',
  textbox: 'Textbox',
  checkbox: 'Checkbox',
  number: 'Number',
};
const TYPES: Readonly<Record<string, string>> = {
  textbox: 'string',
  checkbox: 'boolean',
  number: 'number',
};

const described = ({ type, label, name, initial }: Component) => ({
  label,
  parameter_name: name,
  parameter_has_default: initial !== undefined,
  parameter_default: initial ?? null,
  type: { type: TYPES[type] ?? 'object' },
  python_type: { type: TYPES[type] ?? 'filepath', description: '' },
  component: BY_NAME[type],
});

/** Answer of `/info`. */
export const INFO = {
  named_endpoints: {
    '/tryon': {
      parameters: INPUTS.map(described),
      returns: OUTPUTS.map(described),
      show_api: true,
    },
  },
  unnamed_endpoints: {},
};

/** Answer of `/config`. */
export const configOf = (version: GradioVersion, prefix: string, root: string) => ({
  version,
  ...(prefix !== '' && { api_prefix: prefix }),
  mode: 'blocks',
  app_id: 4_242,
  title: 'Gradio',
  root,
  protocol: 'sse_v3',
  is_space: false,
  space_id: null,
  enable_queue: true,
  show_error: false,
  connect_heartbeat: false,
  max_file_size: null,
  components: [...INPUTS, ...OUTPUTS].map(({ type, label }, id) => ({
    id: id + 1,
    type,
    props: { label },
  })),
  dependencies: [
    {
      id: 0,
      targets: [[99, 'click']],
      inputs: INPUTS.map((_, index) => index + 1),
      outputs: OUTPUTS.map((_, index) => INPUTS.length + index + 1),
      backend_fn: true,
      queue: true,
      api_name: 'tryon',
      show_api: true,
      types: { generator: false, cancel: false },
    },
  ],
});
