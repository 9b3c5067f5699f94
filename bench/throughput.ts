import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import sharp from 'sharp';
import { startBareNest } from './support/bare-nest.ts';
import { startComfy, WORKFLOWS } from './support/direct-comfy.ts';
import { figure, median, type Figure } from './support/figure.ts';
import { processIn, residentOf } from './support/processes.ts';
import { Client, startProduct, withFolder } from './support/product.ts';

/** Askers that each wait for their answer: a crowd that keeps either server busy, and one that does not. */
const [CROWD, FEW] = [64, 16];
/** Short, for the machine may be twice as fast a minute later; both sides meet it in turns. */
const ROUND_MS = 1_000;
const ROUNDS = 15;
/** Until Node has compiled what is asked for again and again: ours has more to compile. */
const WARM_UPS = 8;
const TRANSFERS = 9;
const STREAMS = 500;
/** Noise as PNG: 20 MB. */
const SIDE = 2_580;
const SETTLE_MS = 5_000;

type Request = () => Promise<Response>;

/** Answers per second to so many askers; throws on a refusal. */
const perSecond = async (request: Request, askers: number): Promise<number> => {
  const [begun, counts] = [performance.now(), [] as number[]];
  const ask = async (): Promise<void> => {
    let count = 0;
    while (performance.now() - begun < ROUND_MS) {
      const response = await request();
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
      count += 1;
    }
    counts.push(count);
  };
  await Promise.all(Array.from({ length: askers }, ask));
  return (counts.reduce((sum, count) => sum + count, 0) / (performance.now() - begun)) * 1_000;
};

interface SideBySide {
  readonly name: string;
  readonly goal: string;
  readonly ours: Request;
  readonly theirs: Request;
}

/** Figures of the median rounds, which take turns, so that both sides meet the same machine. */
const sideBySide = async ({ name, goal, ours, theirs }: SideBySide): Promise<Figure[]> => {
  const figures: Figure[] = [];
  for (const askers of [CROWD, FEW]) {
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < WARM_UPS + ROUNDS; round += 1) {
      const pair = [await perSecond(ours, askers), await perSecond(theirs, askers)] as const;
      if (round >= WARM_UPS) pair.forEach((rate, side) => rates[side as 0 | 1].push(rate));
    }
    const baseline = median(rates[1]);
    figures.push(
      figure(`${name}.${askers}-askers`, median(rates[0]), 'requests/s', { baseline, goal }),
    );
  }
  return figures;
};

/** Megabytes per second, one transfer after the other, in turns. */
const transfers = async (
  megabytes: number,
  ours: (n: number) => Promise<Response>,
  theirs: (n: number) => Promise<Response>,
): Promise<[number, number]> => {
  const rates: [number[], number[]] = [[], []];
  for (let n = 0; n < TRANSFERS; n += 1) {
    for (const [side, transfer] of [ours, theirs].entries()) {
      const begun = performance.now();
      const response = await transfer(n);
      await response.arrayBuffer();
      rates[side as 0 | 1].push((megabytes / (performance.now() - begun)) * 1_000);
    }
  }
  return [median(rates[0]), median(rates[1])];
};

const noise = async (side: number): Promise<Uint8Array<ArrayBuffer>> => {
  const raw = { width: side, height: side, channels: 3 as const };
  const png = sharp(randomBytes(side * side * 3), { raw }).png({ compressionLevel: 0 });
  return new Uint8Array(await png.toBuffer());
};

/** Opens them, and gives what closes them again. */
const openStreams = async (client: Client, jobId: string): Promise<() => Promise<void>> => {
  const open: Response[] = [];
  for (let n = 0; n < STREAMS; n += 1) open.push(await client.call(`/v1/jobs/${jobId}/events`));
  await pause(SETTLE_MS);
  return async () => {
    for (const response of open) await response.body?.cancel();
    await pause(SETTLE_MS);
  };
};

/**
 * Kilobytes of the server per open event stream of a job that waits. They are opened twice: what the
 * first time brings for good is no stream's.
 */
const streams = async (client: Client, pid: number, jobId: string): Promise<Figure> => {
  const closeFirst = await openStreams(client, jobId);
  await closeFirst();
  const before = residentOf(pid).megabytes;
  const close = await openStreams(client, jobId);
  const after = residentOf(pid).megabytes;
  await close();
  return figure('throughput.500-streams', ((after - before) * 1_024) / STREAMS, 'kB/stream');
};

interface Rig {
  readonly folder: string;
  readonly client: Client;
  /** The server's own process. */
  readonly pid: number;
  readonly imageId: string;
  readonly bare: (target: string, init?: RequestInit) => Promise<Response>;
}

/** `npm start` beside a bare Nest application on its database. The jobs that are ordered wait. */
const withRig = (work: (rig: Rig) => Promise<Figure[]>): Promise<Figure[]> =>
  withFolder(async (folder) => {
    const comfy = await startComfy(folder);
    const product = await startProduct(`${folder}/data`, {
      COMFYUI_URLS: comfy.url,
      WORKFLOWS_DIR: WORKFLOWS,
      QUOTA_MB: '100000',
    });
    const runtime = JSON.parse(await readFile(`${folder}/data/runtime.json`, 'utf8')) as Record<
      string,
      string
    >;
    const nest = await startBareNest(folder, runtime['DATABASE_URL'] ?? '');
    try {
      const client = await Client.logIn(product.url);
      const imageId = await client.upload(await noise(64));
      while (!(await (await client.call('/v1/comfy/workflows')).text()).includes('"bench-gpu"'))
        await pause(200);
      await comfy.stop();
      const bare = (target: string, init?: RequestInit) => fetch(`${nest.url}${target}`, init);
      const pid = processIn(product.pid, /scripts\/start\.mjs/);
      return await work({ folder, client, pid, imageId, bare });
    } finally {
      await nest.stop();
      await product.stop();
    }
  });

/** Requests per second beside a bare Nest application with one query, and memory per event stream. */
export const throughput = (): Promise<Figure[]> =>
  withRig(async ({ client, pid, imageId, bare }) => {
    let salt = 0;
    const body = () => JSON.stringify({ imageId, sleepMs: 0, salt: (salt += 1) });
    const order = () =>
      client.call('/v1/comfy/workflows/bench-gpu/jobs', { method: 'POST', body: body() });
    const { id } = (await (await order()).json()) as { id: string };
    // First, while the memory of the server does not move by what came before.
    const memory = await streams(client, pid, id);
    const status = await sideBySide({
      name: 'throughput.job-status',
      goal: '≥ 0.7 ×',
      ours: () => client.call(`/v1/jobs/${id}`),
      theirs: () => bare('/row'),
    });
    const headers = { 'content-type': 'application/json' };
    const posts = await sideBySide({
      name: 'throughput.job-post',
      goal: '≥ 0.25 ×',
      ours: order,
      theirs: () => bare('/row', { method: 'POST', headers, body: body() }),
    });
    return [...status, ...posts, memory];
  });

/** Megabytes per second of 20 MB files beside a bare Nest application that pipes them. */
export const transfer = (): Promise<Figure[]> =>
  withRig(async ({ folder, client, bare }) => {
    const pictures: Uint8Array<ArrayBuffer>[] = [];
    for (let n = 0; n < TRANSFERS; n += 1) pictures.push(await noise(SIDE));
    const picture = (n: number) => pictures[n] ?? new Uint8Array();
    const megabytes = picture(0).length / 1e6;
    await writeFile(path.join(folder, 'download.bin'), picture(0));
    const headers = { 'content-type': 'application/octet-stream' };
    const [upload, save] = await transfers(
      megabytes,
      (n) => {
        const form = new FormData();
        form.set('file', new Blob([picture(n)]), 'noise.png');
        return client.call('/v1/files', { method: 'POST', body: form });
      },
      (n) => bare('/files', { method: 'POST', headers, body: picture(n) }),
    );
    const large = await client.upload(picture(0));
    const [download, content] = await transfers(
      megabytes,
      () => client.call(`/v1/files/${large}/content`),
      () => bare('/files'),
    );
    return [
      figure('transfer.upload', upload, 'MB/s', { baseline: save }),
      figure('transfer.download', download, 'MB/s', { baseline: content, goal: '≥ 0.6 ×' }),
    ];
  });
