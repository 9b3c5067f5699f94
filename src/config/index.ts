/**
 * config: the environment as validated, frozen, typed values. The only reader of process.env.
 * Refuses to know what the values are used for.
 */
export {
  Config,
  ConfigError,
  readCommandSettings,
  readStartSettings,
  throwawayEnvironment,
} from './config.js';
export type { CommandSettings, Environment, Role, StartSettings } from './config.js';
export { environmentTable } from './environment-table.js';

import type { Environment } from './config.js';
import { withSecretFiles } from './secret-files.js';

/**
 * The process's environment as it was at start, with the secrets that `<NAME>_FILE` keeps in files.
 * Throws ConfigError when such a file cannot be used.
 */
export const processEnvironment = (): Environment => withSecretFiles({ ...process.env });
