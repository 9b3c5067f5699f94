import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { DirectComfy, startComfy, WORKFLOWS, type Execution } from './support/direct-comfy.ts';
import { figure, median, type Figure } from './support/figure.ts';
import { Client, startProduct, withFolder } from './support/product.ts';

const JOBS = 100;
const WARM_UP_JOBS = 50;
const POLLED_JOBS = 15;
const TRIVIAL_JOBS = 30;
const SLEEP_MS = 300;
const SIDE = 590;

type Picture = Uint8Array<ArrayBuffer>;

/** Noise, which PNG cannot shrink: about 1 MB. */
const noise = async (): Promise<Picture> => {
  const raw = { width: SIDE, height: SIDE, channels: 3 as const };
  const png = sharp(randomBytes(SIDE * SIDE * 3), { raw }).png({ compressionLevel: 1 });
  return new Uint8Array(await png.toBuffer());
};

const pile = async (count: number): Promise<Picture[]> => {
  const pictures: Picture[] = [];
  for (let n = 0; n < count; n += 1) pictures.push(await noise());
  return pictures;
};

/** Milliseconds per job between the first start and the last end of these executions. */
const perJob = (executions: readonly Execution[]): number =>
  (Math.max(...executions.map((one) => one.ended ?? Number.NaN)) -
    Math.min(...executions.map((one) => one.started))) /
  executions.length;

let salt = 0;
const order = async (client: Client, imageId: string, sleepMs: number): Promise<string> =>
  (await client.order('workflows/bench-gpu/jobs', { imageId, sleepMs, salt: (salt += 1) })).id;

/** Waiting jobs through the product, and the same prompts straight into ComfyUI's queue. */
const backlog = async (client: Client, direct: DirectComfy, pictures: readonly Picture[]) => {
  const images: string[] = [];
  for (const picture of pictures) images.push(await client.upload(picture));
  const before = (await direct.executions()).length;
  for (const imageId of images) await order(client, imageId, SLEEP_MS);
  await direct.untilEnded(before + pictures.length);
  const ours = perJob((await direct.executions()).slice(before));

  const names: string[] = [];
  for (const picture of pictures) names.push(await direct.upload(picture));
  for (const name of names) await direct.post(name, SLEEP_MS);
  await direct.untilEnded(before + 2 * pictures.length);
  return { ours, theirs: perJob((await direct.executions()).slice(before + pictures.length)) };
};

/** A plain worker: uploads, posts, asks once a second and downloads, one job after the other. */
const pollingWorker = async (
  direct: DirectComfy,
  pictures: readonly Picture[],
): Promise<number> => {
  const before = (await direct.executions()).length;
  for (const picture of pictures.slice(0, POLLED_JOBS)) {
    const id = await direct.post(await direct.upload(picture), SLEEP_MS);
    while (!(await direct.download(id))) await pause(1_000);
  }
  return perJob((await direct.executions()).slice(before));
};

/** From the POST of one trivial job on an idle system to its succeeded event. */
const latencyOfProduct = async (client: Client, imageId: string): Promise<number> => {
  const times: number[] = [];
  for (let n = 0; n < TRIVIAL_JOBS; n += 1) {
    const begun = performance.now();
    await client.follow(await order(client, imageId, 0));
    times.push(performance.now() - begun);
    await pause(300);
  }
  return median(times);
};

/** A client that uploads, posts, hears the end on the socket and downloads. */
const latencyOfDirect = async (direct: DirectComfy, picture: Picture): Promise<number> => {
  const clientId = randomUUID();
  const ends = new Map<string, () => void>();
  const stop = await direct.hearEnds(clientId, (id) => ends.get(id)?.());
  const times: number[] = [];
  for (let n = 0; n < TRIVIAL_JOBS; n += 1) {
    const begun = performance.now();
    const id = await direct.post(await direct.upload(picture), 0, clientId);
    await Promise.race([new Promise<void>((resolve) => ends.set(id, resolve)), pause(2_000)]);
    while (!(await direct.download(id))) await pause(5);
    times.push(performance.now() - begun);
    await pause(300);
  }
  stop();
  return median(times);
};

/** What the way through the whole product, `npm start`, costs a GPU whose work is a sleep. */
export const gpu = (): Promise<Figure[]> =>
  withFolder(async (folder) => {
    const comfy = await startComfy(folder);
    const product = await startProduct(`${folder}/data`, {
      COMFYUI_URLS: comfy.url,
      WORKFLOWS_DIR: WORKFLOWS,
    });
    try {
      const client = await Client.logIn(product.url);
      const direct = await DirectComfy.at(comfy.url);
      const pictures = await pile(JOBS);
      const [first] = pictures;
      if (!first) return [];
      const latency = await latencyOfProduct(client, await client.upload(first));
      const directLatency = await latencyOfDirect(direct, first);
      // Both sides run for weeks: neither is measured while its code is still being compiled.
      await backlog(client, direct, await pile(WARM_UP_JOBS));
      const { ours, theirs } = await backlog(client, direct, pictures);
      const polling = await pollingWorker(direct, pictures);
      return [
        figure('gpu.backlog', ours, 'ms/job', { baseline: theirs, goal: '≤ 1.05 ×' }),
        figure('gpu.polling-worker', polling, 'ms/job', { baseline: theirs }),
        figure('gpu.latency', latency, 'ms', { baseline: directLatency, goal: '≤ + 60 ms' }),
      ];
    } finally {
      await product.stop();
      await comfy.stop();
    }
  });
