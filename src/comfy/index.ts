/**
 * comfy: generations on ComfyUI. Owns the terms Workflow, Graph, Node, Prompt, Lane and Driver: what
 * is made (workflows as data), how a ComfyUI is spoken to (protocol, client), and how its GPU is kept
 * busy and its results are brought home (lanes, executor).
 * Refuses to let a person's words reach anything but allow-listed leaves of a graph, and to believe
 * the websocket.
 */
export { ComfyModule } from './comfy.module.js';
export { describeBuiltInWorkflows } from './workflow-docs.js';
export { troubleWithDisk } from './disk/comfy-disk.js';
export { remedyFor } from './workflows/installation.js';
export { loadOwnWorkflows } from './workflows/own/index.js';
export type { Refusal } from './workflows/own/index.js';
