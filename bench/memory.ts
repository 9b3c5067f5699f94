import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startBareNest } from './support/bare-nest.ts';
import { root } from './support/child.ts';
import { figure, type Figure } from './support/figure.ts';
import { memoryOf, totalMemory, type Memory } from './support/processes.ts';
import { Client, withProduct } from './support/product.ts';

/** Long enough for everything that begins after `ready` to have begun. */
const SETTLE_MS = 10_000;
const AFTER_JOB_MS = 60_000;

/** PSS of the whole tree of `npm start`: idle before the first job, and 60 s after it. */
export const memory = async (): Promise<Figure[]> =>
  withProduct({}, async (product, folder) => {
    const nest = await startBareNest(folder);
    await pause(SETTLE_MS);
    const baseline = totalMemory(nest.pid);
    await nest.stop();
    const before = memoryOf(product.pid);
    const client = await Client.logIn(product.url);
    const cup = await readFile(path.join(root, 'samples', 'product-coffee-cup.png'));
    const imageId = await client.upload(new Uint8Array(cup), 'cup.png');
    const job = await client.order('product-backgrounds', {
      imageId,
      prompt: 'on a beach at dawn',
    });
    await client.follow(job.id);
    await pause(AFTER_JOB_MS);
    const after = memoryOf(product.pid);
    return [
      figure('memory.idle', sum(before), 'MB', { baseline, goal: '≤ 450 MB' }),
      figure('memory.after-job', sum(after), 'MB', { baseline, goal: '≤ 450 MB' }),
      ...partsOf(after).map(([name, megabytes]) => figure(`memory.part.${name}`, megabytes, 'MB')),
    ];
  });

const sum = (parts: readonly Memory[]): number =>
  parts.reduce((total, { megabytes }) => total + megabytes, 0);

const PARTS: readonly (readonly [string, RegExp])[] = [
  ['npm', /^npm /],
  ['product', /scripts\/start\.mjs/],
  ['sandbox', /sandbox\//],
  ['mail-services', /embedded\/services/],
  ['postgres', /postgres/],
];

const partsOf = (all: readonly Memory[]): [string, number][] =>
  PARTS.map(([name, pattern]) => [name, sum(all.filter(({ command }) => pattern.test(command)))]);
