import {
  backgroundOf,
  backgroundParameter,
  backgroundsFor,
  type Background,
} from './backgrounds.js';
import { NODES } from './parts.js';
import { REPAINT_STEPS, repaintAround } from './repaint-around.js';
import {
  imageInput,
  negativePromptParameter,
  number,
  promptOf,
  promptParameter,
  seedParameter,
  text,
  type Workflow,
} from './workflow.js';

const ID = 'product-backgrounds';
const DEFAULT_BACKGROUND = 'product-backgrounds';

/**
 * A product on a new background (comfyui-workflows §2; the settings are the product's). The subject
 * is found by background removal refined by SAM.
 */
export const productBackgrounds = (backgrounds: readonly Background[]): Workflow => {
  const offered = backgroundsFor(backgrounds, ID, DEFAULT_BACKGROUND);
  return {
    id: ID,
    title: 'Product background',
    description:
      'Puts a product in front of a new background and keeps the product pixel for pixel.',
    defaultCredits: 5,
    deadlineSeconds: 600,
    inputs: [imageInput],
    parameters: {
      prompt: promptParameter(
        'The new background',
        'on a white marble table in soft morning light, blurred green plants behind',
      ),
      negativePrompt: negativePromptParameter,
      background: backgroundParameter(offered, DEFAULT_BACKGROUND),
      seed: seedParameter('random'),
    },
    requiredParameters: ['prompt'],
    outputs: [
      { name: 'image', type: 'file', nodeId: NODES.result },
      { name: 'mask', type: 'file', nodeId: NODES.mask },
    ],
    subjectMask: 'mask',
    paste: { sourceRole: 'image', imageOutput: 'image', maskOutput: 'mask', kept: 'white' },
    choice: 'background',
    steps: REPAINT_STEPS,
    build(parameters, context) {
      const background = backgroundOf(offered, parameters);
      return repaintAround(
        {
          checkpoint: 'productBackgroundXL.safetensors',
          lora: background.file,
          positive: promptOf(text(parameters, 'prompt'), background.words),
          negative: promptOf(text(parameters, 'negativePrompt')),
          seed: number(parameters, 'seed'),
        },
        context,
      );
    },
  };
};
