import { GraphBuilder } from '../graph/index.js';
import { NODES } from './parts.js';
import { imageInput, text, type Workflow } from './workflow.js';

/** A text about a picture (MoonDream, comfyui-workflows §5). */
export const descriptions: Workflow = {
  id: 'descriptions',
  title: 'Description',
  description: 'Looks at a picture and writes about it, or answers a question about it.',
  defaultCredits: 1,
  // The first run of an installation downloads the model.
  deadlineSeconds: 900,
  inputs: [imageInput],
  parameters: {
    question: {
      type: 'string',
      description: 'What to tell about the picture',
      minLength: 1,
      maxLength: 1_000,
      default:
        'Write a product description for an online shop: what it is, its material, colours, shape and style.',
      example: 'What material is it made of?',
    },
  },
  requiredParameters: [],
  outputs: [{ name: 'text', type: 'text', nodeId: NODES.result }],
  steps: [
    { words: 'Reading the picture', weight: 5, nodeIds: ['1', '2'] },
    { words: 'Looking at the picture', weight: 90, nodeIds: ['10'] },
    { words: 'Writing', weight: 5, nodeIds: ['80'] },
  ],
  build(parameters, { images }) {
    const g = new GraphBuilder();
    const source = g.add('1', 'LoadImage', { image: images['image'] ?? '' });
    const scaled = g.add('2', 'ImageScaleToMaxDimension', {
      image: source.image,
      upscale_method: 'area',
      largest_size: 1024,
    });
    const answer = g.add('10', 'MoonDream', {
      image: scaled.image,
      question: text(parameters, 'question'),
      unload_after: false,
    });
    g.add(NODES.result, 'PreviewAny', { source: answer.text });
    return g.build();
  },
};
