import { readFileSync, readdirSync } from 'node:fs';

export interface Memory {
  readonly pid: number;
  readonly command: string;
  readonly megabytes: number;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended between the look and the read.
    return '';
  }
};

const parentOf = (pid: number): number => {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

/** The process and all that descend from it, now. */
export const treeOf = (root: number): number[] => {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const parents = new Map(all.map((pid) => [pid, parentOf(pid)]));
  const tree = new Set([root]);
  for (let before = 0; before !== tree.size;) {
    before = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
};

/**
 * Proportional set size of each process of the tree, from the kernel: what is shared is divided
 * among those who share it, so that the sum is what the tree costs the machine.
 */
export const memoryOf = (root: number): Memory[] =>
  treeOf(root).map((pid) => ({
    pid,
    command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim().split('\n')[0] ?? '',
    megabytes: Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024,
  }));

/** Megabytes of the whole tree. */
export const totalMemory = (root: number): number =>
  memoryOf(root).reduce((sum, { megabytes }) => sum + megabytes, 0);

/** Megabytes of resident memory of one process, and how many descriptors it holds. */
export const residentOf = (pid: number): { megabytes: number; handles: number } => ({
  megabytes: Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024,
  handles: readdirSync(`/proc/${pid}/fd`).length,
});

/** The most resident megabytes that were seen while `work` ran. */
export const peakDuring = async (pid: number, work: () => Promise<void>): Promise<number> => {
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, residentOf(pid).megabytes)), 100);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak;
};

/**
 * The process of the tree whose command line matches; the largest one, since the shell and npm that
 * started it carry its command line in theirs. Throws when there is none.
 */
export const processIn = (root: number, command: RegExp): number => {
  const [found] = memoryOf(root)
    .filter((part) => command.test(part.command))
    .toSorted((a, b) => b.megabytes - a.megabytes);
  if (!found) throw new Error(`No process ${String(command)} under ${root}`);
  return found.pid;
};
