import { CORE_NODES } from './core-nodes.js';
import { PACK_NODES } from './pack-nodes.js';

/**
 * The node classes that our workflows use. Source: the recorded /object_info of ComfyUI 0.33.0 with
 * the node packs; a contract test compares this table with it.
 */
export const NODE_CATALOGUE = { ...CORE_NODES, ...PACK_NODES } as const;

export type NodeClassName = keyof typeof NODE_CATALOGUE;
