/** Every node the sandbox executes, by class name; the catalogue says who may use which. */
import { COMBINE_NODES } from './combine-nodes.js';
import { DETAIL_NODES } from './detail-nodes.js';
import { MASK_NODES } from './mask-nodes.js';
import { MODEL_NODES } from './model-nodes.js';
import type { NodeLibrary } from './node.js';
import { PICTURE_NODES } from './picture-nodes.js';
import { SAVE_NODES } from './save-nodes.js';
import { TEST_NODES } from './test-nodes.js';
import { VISION_NODES } from './vision-nodes.js';

export const LIBRARY: NodeLibrary = {
  ...PICTURE_NODES,
  ...COMBINE_NODES,
  ...MASK_NODES,
  ...MODEL_NODES,
  ...VISION_NODES,
  ...DETAIL_NODES,
  ...SAVE_NODES,
  ...TEST_NODES,
};
