import { apparelShoots } from './apparel-shoots.js';
import { backgroundChanges } from './background-changes.js';
import type { Background } from './backgrounds.js';
import { descriptions } from './descriptions.js';
import { magicFixes } from './magic-fixes.js';
import { productBackgrounds } from './product-backgrounds.js';
import { turntables } from './turntables.js';
import type { Workflow } from './workflow.js';

export interface BuiltInSettings {
  readonly backgrounds: readonly Background[];
  /** Prefer the BrushNet graph for background changes, where it is installed. */
  readonly brushnet: boolean;
}

/** The workflows that come with the product. */
export const builtInWorkflows = ({ backgrounds, brushnet }: BuiltInSettings): Workflow[] => [
  apparelShoots(backgrounds),
  productBackgrounds(backgrounds),
  backgroundChanges({ brushnet }),
  turntables,
  descriptions,
  magicFixes,
];
