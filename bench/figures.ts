import { authTiming } from './auth-timing.ts';
import { gpu } from './gpu.ts';
import { gpus } from './gpus.ts';
import { jobCost } from './job-cost.ts';
import { jobsMemory, largePicturesMemory } from './jobs-memory.ts';
import { mail } from './mail.mjs';
import { memory } from './memory.ts';
import { queueDepth } from './queue-depth.ts';
import { start } from './start.ts';
import { throughput, transfer } from './throughput.ts';
import { uploads } from './uploads.ts';
import type { Figure } from './support/figure.ts';

/** Every measurement by the name that `npm run bench -- <name>` takes, in the order of a full run. */
export const MEASUREMENTS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  start,
  memory,
  mail,
  gpu,
  gpus,
  'jobs-memory': jobsMemory,
  'large-pictures': largePicturesMemory,
  'queue-depth': queueDepth,
  'job-cost': jobCost,
  throughput,
  transfer,
  uploads,
  'auth-timing': authTiming,
};
