import { readFileSync } from 'node:fs';
import { ConfigError, type Environment } from './config.js';
import { VARIABLES } from './variables.js';

const SECRETS = Object.entries(VARIABLES)
  .filter(([, variable]) => variable.isSecret)
  .map(([name]) => name);

const read = (name: string, file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigError(`${name}_FILE: the file ${file} cannot be read (${reason}).`);
  }
};

/**
 * The environment with each secret that `<NAME>_FILE` keeps in a file (as container engines mount
 * them) under its own name. Throws {@link ConfigError} when a file cannot be read, is empty, or both
 * are set; the message never has the secret.
 */
export const withSecretFiles = (environment: Environment): Environment => {
  const found: Record<string, string> = {};
  for (const name of SECRETS) {
    const file = environment[`${name}_FILE`]?.trim();
    if (!file) continue;
    if (environment[name]?.trim()) {
      throw new ConfigError(`${name} and ${name}_FILE are both set; give one of them.`);
    }
    const secret = read(name, file);
    if (secret === '') throw new ConfigError(`${name}_FILE: the file ${file} is empty.`);
    found[name] = secret;
  }
  return { ...environment, ...found };
};
