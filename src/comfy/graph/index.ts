/** Graphs as typed values: the builder, and the comparison with what a ComfyUI offers. Pure. */
export { GraphBuilder } from './graph.js';
export type { Graph, GraphNode, Link, Outputs } from './graph.js';
export { missingFor } from './missing.js';
export type { Missing } from './missing.js';
export { CORE_NODES } from './core-nodes.js';
export { NODE_CATALOGUE } from './node-catalogue.js';
export { PACK_NODES } from './pack-nodes.js';
