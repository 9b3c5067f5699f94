import { productBackgrounds } from './product-backgrounds.js';
import type { Workflow } from './workflow.js';

/** The workflows that come with the product. */
export const BUILT_IN_WORKFLOWS: readonly Workflow[] = [productBackgrounds];
