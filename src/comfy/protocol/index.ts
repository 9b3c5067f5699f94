/** ComfyUI's wire, typed and pure: text and bytes in, values out. No network, no framework. */
export { parseBinaryFrame, parseTextFrame } from './events.js';
export type { ComfyEvent, NodeProgress } from './events.js';
export { filesOf, parseHistory, textOf } from './history.js';
export type { FileItem, HistoryEntry, NodeError, PromptOutcome } from './history.js';
export { parsePromptAnswer, parseQueue, parseSystemStats } from './queue.js';
export type { GraphFault, QueueState } from './queue.js';
export { parseObjectInfo } from './object-info.js';
export type { InputSpec, NodeClass, ObjectInfo } from './object-info.js';
export { parseJson, stringAt } from './json.js';
