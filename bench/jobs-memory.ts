import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { root } from './support/child.ts';
import { startComfy, WORKFLOWS } from './support/direct-comfy.ts';
import { figure, median, type Figure } from './support/figure.ts';
import { peakDuring, processIn, residentOf } from './support/processes.ts';
import { Client, startProduct, withFolder } from './support/product.ts';

const LARGE_JOBS = 20;
const WARM_JOBS = 500;
const ALL_JOBS = 2_000;
const AT_ONCE = 20;
/** How many of the last samples a figure is the median of: one is taken after each group of jobs. */
const SAMPLES = 5;
const SETTLE_MS = 5_000;
/** By then every connection that is not used any more is closed: pools keep them for 10 s. */
const IDLE_MS = 20_000;
const PATIENCE_MS = 1_200_000;

/** 24 megapixels in about 12 MB, as a camera gives: the cup, enlarged, with the grain of a sensor. */
const photograph = async (): Promise<Uint8Array<ArrayBuffer>> => {
  const [width, height] = [6_000, 4_000];
  const grain = await sharp(randomBytes(1_500 * 1_000 * 3), {
    raw: { width: 1_500, height: 1_000, channels: 3 },
  })
    .resize(width, height, { kernel: 'nearest' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  const jpeg = await sharp(path.join(root, 'samples', 'product-coffee-cup.png'))
    .resize(width, height, { fit: 'fill' })
    .composite([{ input: grain, blend: 'soft-light' }])
    .jpeg({ quality: 90 })
    .toBuffer();
  return new Uint8Array(jpeg);
};

const backgrounds = async (client: Client, images: readonly string[]): Promise<void> => {
  const jobs = await Promise.all(
    images.map((imageId) =>
      client.order('product-backgrounds', { imageId, prompt: 'on white marble' }),
    ),
  );
  await client.settle(
    jobs.map(({ id }) => id),
    PATIENCE_MS,
  );
};

/** Against the same process after as many jobs with small pictures: what the size alone takes. */
const largePictures = async (client: Client, pid: number): Promise<Figure[]> => {
  const small = await readFile(path.join(root, 'samples', 'product-coffee-cup.png'));
  const smallId = await client.upload(new Uint8Array(small));
  const images: string[] = [];
  for (let n = 0; n < LARGE_JOBS; n += 1) images.push(await client.upload(await photograph()));
  await backgrounds(
    client,
    Array.from({ length: LARGE_JOBS }, () => smallId),
  );
  await pause(SETTLE_MS);
  const before = residentOf(pid).megabytes;
  const peak = await peakDuring(pid, () => backgrounds(client, images));
  return [
    figure('jobs.24-megapixels', peak - before, 'MB more', { goal: '≤ 150 MB' }),
    figure('jobs.24-megapixels.peak', peak, 'MB', { baseline: before }),
  ];
};

/**
 * Memory is looked at while the jobs go on: V8 gives its spare pages back some time after the work has stopped,
 * or not, so that two pauses are no equal states. Handles are looked at after a pause.
 */
const manyJobs = async (client: Client, pid: number): Promise<Figure[]> => {
  const noise = sharp(randomBytes(64 * 64 * 3), { raw: { width: 64, height: 64, channels: 3 } });
  const imageId = await client.upload(new Uint8Array(await noise.png().toBuffer()));
  const runUntil = async (from: number, to: number) => {
    const samples: number[] = [];
    for (let n = from; n < to; n += AT_ONCE) {
      const jobs = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, k) =>
          client.order('workflows/bench-gpu/jobs', { imageId, sleepMs: 0, salt: n + k }),
        ),
      );
      await client.settle(
        jobs.map(({ id }) => id),
        PATIENCE_MS,
      );
      samples.push(residentOf(pid).megabytes);
    }
    await pause(IDLE_MS);
    const idle = residentOf(pid);
    return { megabytes: median(samples.slice(-SAMPLES)), idle };
  };
  const warm = await runUntil(0, WARM_JOBS);
  const end = await runUntil(WARM_JOBS, ALL_JOBS);
  return [
    figure('jobs.2000th', end.megabytes, 'MB', { baseline: warm.megabytes, goal: '≤ 1.1 ×' }),
    figure('jobs.2000th.after-pause', end.idle.megabytes, 'MB', { baseline: warm.idle.megabytes }),
    figure('jobs.2000th.handles', end.idle.handles, 'handles', {
      baseline: warm.idle.handles,
      goal: 'equal',
    }),
  ];
};

type Measure = (client: Client, pid: number) => Promise<Figure[]>;

/** Memory of the server's own process, with all roles in it; the baselines are its own, earlier. */
const measured = (measure: Measure): Promise<Figure[]> =>
  withFolder(async (folder) => {
    const comfy = await startComfy(folder, { args: ['--gpu-ms', '50'] });
    const product = await startProduct(`${folder}/data`, {
      COMFYUI_URLS: comfy.url,
      WORKFLOWS_DIR: WORKFLOWS,
      QUOTA_MB: '100000',
      QUOTA_FILES: '100000',
      // The mails of a job are done with the job, or they would be what is measured.
      MAIL_RATE: '1000',
    });
    try {
      const client = await Client.logIn(product.url);
      return await measure(client, processIn(product.pid, /scripts\/start\.mjs/));
    } finally {
      await product.stop();
      await comfy.stop();
    }
  });

/** 2,000 jobs in a row. */
export const jobsMemory = (): Promise<Figure[]> => measured(manyJobs);

/** 20 jobs at once with pictures of 24 megapixels. */
export const largePicturesMemory = (): Promise<Figure[]> => measured(largePictures);
