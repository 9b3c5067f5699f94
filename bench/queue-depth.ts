import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { DirectComfy, startComfy, WORKFLOWS } from './support/direct-comfy.ts';
import { figure, median, type Figure } from './support/figure.ts';
import { Client, startProduct, withFolder } from './support/product.ts';

const SHALLOW = 100;
const DEEP = 10_000;
const AT_ONCE = 8;
const ASKED = 50;
const DISPATCHED = 60;

interface Times {
  readonly submit: number;
  readonly list: number;
  readonly position: number;
  readonly dispatch: number;
}

let salt = 0;
const order = async (client: Client, imageId: string): Promise<string> =>
  (await client.order('workflows/bench-gpu/jobs', { imageId, sleepMs: 0, salt: (salt += 1) })).id;

const medianOf = async (work: () => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let n = 0; n < ASKED; n += 1) {
    const begun = performance.now();
    await work();
    times.push(performance.now() - begun);
  }
  return median(times);
};

const untilAnswer = async (client: Client, isThere: (body: string) => boolean): Promise<void> => {
  while (!isThere(await (await client.call('/v1/comfy/workflows')).text())) await pause(200);
};

/** Medians with `depth` jobs waiting; then a ComfyUI comes and takes some of them. */
const measureAt = async (depth: number): Promise<Times> =>
  withFolder(async (folder) => {
    const first = await startComfy(folder);
    const product = await startProduct(`${folder}/data`, {
      COMFYUI_URLS: first.url,
      WORKFLOWS_DIR: WORKFLOWS,
    });
    try {
      const client = await Client.logIn(product.url);
      await untilAnswer(client, (body) => body.includes('"bench-gpu"'));
      const raw = { width: 64, height: 64, channels: 3 as const };
      const picture = await sharp(randomBytes(64 * 64 * 3), { raw })
        .png()
        .toBuffer();
      const imageId = await client.upload(new Uint8Array(picture));
      await first.stop();
      await pause(3_000);
      const ids: string[] = [];
      for (let n = 0; n < depth; n += AT_ONCE) {
        const batch = Array.from({ length: Math.min(AT_ONCE, depth - n) }, () =>
          order(client, imageId),
        );
        ids.push(...(await Promise.all(batch)));
      }
      const middle = ids[Math.floor(ids.length / 2)] ?? '';
      const submit = await medianOf(() => order(client, imageId));
      const list = await medianOf(async () =>
        (await client.call('/v1/jobs?limit=20')).arrayBuffer(),
      );
      const position = await medianOf(async () =>
        (await client.call(`/v1/jobs/${middle}`)).arrayBuffer(),
      );
      const second = await startComfy(folder, { port: Number(new URL(first.url).port) });
      const direct = await DirectComfy.at(second.url);
      await direct.untilEnded(DISPATCHED);
      const executions = (await direct.executions()).slice(0, DISPATCHED);
      const starts = executions.map((one) => one.started);
      const dispatch = median(starts.slice(1).map((start, at) => start - (starts[at] ?? 0)));
      await second.stop();
      return { submit, list, position, dispatch };
    } finally {
      await product.stop();
    }
  });

/** Median times with 10,000 waiting jobs of one person, beside those with 100. */
export const queueDepth = async (): Promise<Figure[]> => {
  const shallow = await measureAt(SHALLOW);
  const deep = await measureAt(DEEP);
  return (['submit', 'list', 'position', 'dispatch'] as const).map((name) =>
    figure(`queue-10000.${name}`, deep[name], 'ms', { baseline: shallow[name], goal: '≤ 1.5 ×' }),
  );
};
