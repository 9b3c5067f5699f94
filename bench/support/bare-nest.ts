import path from 'node:path';
import { run, type Running } from './child.ts';

/** Starts the yardstick, a plain Nest application; see bare-nest.mjs for its routes. */
export const startBareNest = async (
  folder: string,
  databaseUrl = '',
): Promise<Running & { url: string }> => {
  const program = path.join(import.meta.dirname, 'bare-nest.mjs');
  const running = await run(process.execPath, [program, databaseUrl, folder], {
    logFile: path.join(folder, 'bare-nest.log'),
    ready: /^listening .*\n/m,
  });
  return { ...running, url: /^listening (\S+)/m.exec(running.output())?.[1] ?? '' };
};
