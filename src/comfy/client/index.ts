/** The way to a ComfyUI: HTTP, socket and the following of prompts. Knows no job. */
export { ComfyClient } from './comfy-client.js';
export { ComfyRefused, ComfyUnreachable } from './comfy-http.js';
export type { PromptEnd, PromptObserver } from './prompt-follower.js';
