/**
 * tools: jobs that outside services do for us. Owns the terms Tool, Provider and Provider task: one
 * port per purpose (ModelGenerator, TryOnProvider), an adapter per provider behind it, a lane per
 * provider beside the GPU's.
 * Refuses to make a paid call twice, to send a key to where results lie, and to fetch from an address
 * that is not on the list.
 */
export { ToolsModule } from './tools.module.js';
