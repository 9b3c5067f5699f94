import {
  Config,
  ConfigError,
  processEnvironment,
  readCommandSettings,
  type Environment,
} from '../config/index.js';
import { embeddedSecrets, readRuntime } from '../embedded/index.js';
import { CommandFailed } from './command.js';

/** A command is no server: it takes no work, and the schema changes only by `migrate`. */
const AS_COMMAND = { ROLES: 'api', MIGRATE_ON_START: 'false' };

/** For commands that touch nothing but the database, or not even that. */
const PLACEHOLDERS: Environment = {
  DATABASE_URL: 'postgres://127.0.0.1:1/none',
  COMFYUI_URLS: 'http://127.0.0.1:8188',
  SQS_QUEUE_URL: 'http://127.0.0.1:1/none',
  JWT_KEY: 'no-key-because-nothing-is-signed-here',
  LINK_KEY: 'no-key-because-nothing-is-signed-here',
};

const isAlive = (pid: unknown): boolean => {
  if (typeof pid !== 'number') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

export interface Installation {
  readonly config: Config;
  /** Where its API answers, as far as this machine knows. */
  readonly apiUrl: string | undefined;
}

/**
 * The installation that the environment names, completed by the copy that runs with DATA_DIR.
 * Throws CommandFailed when neither says enough, ConfigError for a wrong value.
 */
export const findInstallation = async (
  environment: Environment = processEnvironment(),
): Promise<Installation> => {
  const named = Object.fromEntries(Object.entries(environment).filter(([, text]) => text?.trim()));
  const { dataDir, apiUrl } = readCommandSettings(named);
  const quiet = { LOG_LEVEL: 'error', ...named, ...AS_COMMAND };
  if (named['NODE_ENV'] === 'production') {
    return { config: Config.from(quiet), apiUrl: apiUrl ?? named['PUBLIC_URL'] };
  }
  const runtime = await readRuntime(dataDir).catch(() => undefined);
  const isRunning = isAlive(runtime?.['pid']);
  const found = isRunning ? await ofCopy(dataDir, runtime) : {};
  try {
    const config = Config.from({ ...found, ...quiet });
    const own = runtime?.['apiUrl'];
    return { config, apiUrl: apiUrl ?? (isRunning && typeof own === 'string' ? own : undefined) };
  } catch (error) {
    if (isRunning || !(error instanceof ConfigError) || !/is not set/.test(error.message))
      throw error;
    throw new CommandFailed(
      `No copy runs with DATA_DIR ${dataDir}: begin it with npm start, or name the installation in the environment (${error.message})`,
    );
  }
};

/** What the running copy with this data directory uses besides what its person named. */
const ofCopy = async (
  dataDir: string,
  runtime: Readonly<Record<string, unknown>> = {},
): Promise<Environment> => {
  const secrets = await embeddedSecrets(dataDir);
  const addresses = Object.entries(runtime).filter(
    (entry): entry is [string, string] =>
      /^[A-Z_\d]+$/.test(entry[0]) && typeof entry[1] === 'string',
  );
  return { JWT_KEY: secrets.jwtKey, LINK_KEY: secrets.linkKey, ...Object.fromEntries(addresses) };
};

/** A configuration for what needs a database alone. */
export const databaseConfig = (databaseUrl: string): Config =>
  Config.from({ ...PLACEHOLDERS, ...AS_COMMAND, LOG_LEVEL: 'error', DATABASE_URL: databaseUrl });

/** A configuration for what only looks at the code. */
export const detachedConfig = (): Config =>
  Config.from({ ...PLACEHOLDERS, ...AS_COMMAND, LOG_LEVEL: 'silent' });
