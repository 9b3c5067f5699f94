/**
 * embedded: starts what the environment does not name, on 127.0.0.1, with its data under DATA_DIR:
 * PostgreSQL (real binaries from npm), stand-ins for SQS and SES, the sandbox ComfyUI.
 *
 * Each is a child process that ends when the pipe from its parent closes, also after `kill -9`; one
 * that ends by itself is started again at the same address. The product cannot tell them from the
 * real ones: it gets their addresses as the environment variables it reads anyway.
 *
 * Not here: deciding what to embed (main), and anything about production, where this never runs.
 */
export { embeddedSecrets, readRuntime, writeRuntime, type EmbeddedSecrets } from './data-dir.js';
export {
  startEmbedded,
  type Embedded,
  type EmbeddedOptions,
  type EmbeddedService,
} from './embedded.js';
export { DataDirInUse, EmbeddedError } from './errors.js';
export { lockDataDir } from './lock.js';
