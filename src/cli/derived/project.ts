import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The path of a file of the project, from its place in the repository. */
export const projectFile = (name: string): string => path.join(ROOT, name);

/** Writes a derived file of the project and says so. */
export const writeProjectFile = async (name: string, content: string): Promise<void> => {
  const file = projectFile(name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  console.log(`wrote ${name} (${content.split('\n').length - 1} lines)`);
};
