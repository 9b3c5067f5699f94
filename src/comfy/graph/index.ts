/** Graphs as typed values: the builder, and the comparison with what a ComfyUI offers. Pure. */
export { GraphBuilder } from './graph.js';
export type { Graph, Link } from './graph.js';
export { missingFor } from './missing.js';
export type { Missing } from './missing.js';
export { NODE_CATALOGUE } from './node-catalogue.js';
