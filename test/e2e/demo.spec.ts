import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House } from './support/house.js';
import {
  changedShareOutside,
  eroded,
  maskOf,
  overlap,
  pixelsOf,
  psnrInside,
} from './support/pictures.js';
import { leftOvers } from './support/processes.js';
import { freePort, projectPath, runScript } from './support/program.js';
import { Visitor, type JobJson } from './support/visitor.js';

const CUP_MASK = projectPath('samples', 'masks', 'product-coffee-cup.png');
const SUIT_MASK = projectPath('samples', 'masks', 'person-astronaut-garment.png');

let folder: string;
/** A copy, because the demo saves its result beside the picture. */
const copyOf = async (sample: string): Promise<string> => {
  const copy = path.join(folder, sample);
  await copyFile(projectPath('samples', sample), copy);
  return copy;
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-e2e-demo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The demo where nothing runs: its own TMPDIR shows what it leaves behind. */
const demoAlone = async (args: readonly string[], environment: Record<string, string> = {}) =>
  runScript('cli.mjs', ['demo', ...args], {
    DATA_DIR: path.join(folder, 'nothing-here'),
    PORT: String(await freePort()),
    MAILBOX_PORT: String(await freePort()),
    TMPDIR: folder,
    ...environment,
  });

const temporaryFolders = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith('house-of-models-demo'));

describe('the demo', () => {
  it('starts a server for itself, keeps the cup, changes all around it and leaves nothing behind', async () => {
    const original = await copyOf('product-coffee-cup.png');
    const { code, stdout, stderr } = await demoAlone([original, 'on a mossy stone in a forest']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Credits +5 quoted, 5 captured, 95 left/);
    expect(stdout).toMatch(/Mail sent +".+" to .*demo-\w+@example\.com/);
    expect(stdout).toMatch(/ \d+ % {2}Painting the background/);
    expect(await temporaryFolders()).toEqual([]);
    expect(await leftOvers(folder, 2_000)).toEqual([]);

    const before = await pixelsOf(original);
    const after = await pixelsOf(path.join(folder, 'product-coffee-cup-background.png'));
    expect([after.width, after.height]).toEqual([before.width, before.height]);
    const drawn = await maskOf(CUP_MASK, before.width, before.height);
    expect(psnrInside(before, after, eroded(drawn, 5))).toBeGreaterThanOrEqual(40);
    expect(changedShareOutside(before, after, drawn, 25)).toBeGreaterThanOrEqual(0.9);
  });

  it('says why and ends with 1 when a step cannot be done, and takes its server down again', async () => {
    const { code, stdout, stderr } = await demoAlone([await copyOf('product-coffee-cup.png')], {
      SIGNUP_CREDITS: '4',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('402 credits.insufficient');
    expect(stdout).not.toContain('Saved');
    expect(await temporaryFolders()).toEqual([]);
    expect(await leftOvers(folder, 2_000)).toEqual([]);
  });

  it('refuses an API_URL where no House of Models answers', async () => {
    const { code, stderr } = await demoAlone([], {
      API_URL: `http://localhost:${await freePort()}`,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('API_URL');
  });
});

describe('the demo against a running server', () => {
  let house: House;
  beforeAll(async () => {
    house = await House.start();
  });
  afterAll(() => house.remove());

  it('finds it by its data directory and carries the person photograph through', async () => {
    const original = await copyOf('person-astronaut.png');
    const { code, stdout, stderr } = await runScript('cli.mjs', ['demo', original], {
      DATA_DIR: house.dataDir,
    });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain(house.url);
    const before = await pixelsOf(original);
    const after = await pixelsOf(path.join(folder, 'person-astronaut-background.png'));
    expect([after.width, after.height]).toEqual([before.width, before.height]);
    const suit = await maskOf(SUIT_MASK, before.width, before.height);
    expect(psnrInside(before, after, eroded(suit, 5))).toBeGreaterThanOrEqual(40);
  });

  it('finds in the cup what a hand drew as the cup', async () => {
    const person = await house.signUp();
    const { body } = await person.order((await person.upload()).id, { prefer: 'wait=60' });
    expect(body.status).toBe('succeeded');
    const found = await fileOf(person, body, 'mask');
    const { width, height } = body.inputs[0] ?? { width: 0, height: 0 };
    const drawn = await maskOf(CUP_MASK, width, height);
    expect(overlap(await maskOf(found, width, height), drawn)).toBeGreaterThanOrEqual(0.85);
  });
});

const fileOf = async (person: Visitor, job: JobJson, name: string): Promise<Buffer> => {
  const file = job.outputs.find((output) => output.name === name)?.file;
  const response = await person.fetch(`/v1/files/${file?.id}/content`);
  return Buffer.from(await response.arrayBuffer());
};
