import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { DirectComfy, startComfy, WORKFLOWS } from './support/direct-comfy.ts';
import { figure, type Figure } from './support/figure.ts';
import { Client, startProduct, withFolder } from './support/product.ts';

const JOBS = 300;
const SLEEP_MS = 300;
const AT_ONCE = 8;

/** Seconds from the first start to the last end of 300 equal jobs on so many ComfyUIs. */
const spanOn = (count: number): Promise<number> =>
  withFolder(async (folder) => {
    const comfies = [];
    for (let n = 0; n < count; n += 1) {
      const own = `${folder}/${n}`;
      await mkdir(own);
      comfies.push(await startComfy(own));
    }
    const product = await startProduct(`${folder}/data`, {
      COMFYUI_URLS: comfies.map(({ url }) => url).join(','),
      WORKFLOWS_DIR: WORKFLOWS,
    });
    try {
      const client = await Client.logIn(product.url);
      const raw = { width: 64, height: 64, channels: 3 as const };
      const picture = await sharp(randomBytes(64 * 64 * 3), { raw })
        .png()
        .toBuffer();
      const imageId = await client.upload(new Uint8Array(picture));
      for (let n = 0; n < JOBS; n += AT_ONCE) {
        const batch = Array.from({ length: Math.min(AT_ONCE, JOBS - n) }, (_, k) =>
          client.order('workflows/bench-gpu/jobs', { imageId, sleepMs: SLEEP_MS, salt: n + k }),
        );
        await Promise.all(batch);
      }
      const directs = await Promise.all(comfies.map(({ url }) => DirectComfy.at(url)));
      for (;;) {
        const executions = (await Promise.all(directs.map((one) => one.executions()))).flat();
        const ends = executions.flatMap(({ ended }) => (ended === undefined ? [] : [ended]));
        if (ends.length >= JOBS) {
          return (Math.max(...ends) - Math.min(...executions.map((one) => one.started))) / 1_000;
        }
        await pause(500);
      }
    } finally {
      await product.stop();
      await Promise.all(comfies.map((comfy) => comfy.stop()));
    }
  });

/** What three GPUs make of a backlog, beside one. */
export const gpus = async (): Promise<Figure[]> => {
  const one = await spanOn(1);
  const three = await spanOn(3);
  return [figure('gpus.three', three, 's', { baseline: one, goal: '≤ 0.36 ×' })];
};
