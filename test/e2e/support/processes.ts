import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const read = (look: () => string): string => {
  try {
    return look();
  } catch {
    // It ended meanwhile, or belongs to another user: not ours.
    return '';
  }
};

/** Every process that names `folder` in its command line or environment, or works in it, as text. */
export const processesOf = (folder: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const command = read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      const environment = read(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
      const workingFolder = read(() => readlinkSync(`/proc/${pid}/cwd`));
      const names = `${command}\0${environment}\0${workingFolder}`;
      return names.includes(folder) ? [`${pid} ${command.replaceAll('\0', ' ').trim()}`] : [];
    });

/** Waits until no process belongs to `folder`; returns those that are left after `ms`. */
export const leftOvers = async (folder: string, ms: number): Promise<string[]> => {
  const until = performance.now() + ms;
  while (processesOf(folder).length > 0 && performance.now() < until) await delay(100);
  return processesOf(folder);
};
