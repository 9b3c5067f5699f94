import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examineComfyDisks } from '../../../src/cli/doctor/comfy-disks.js';
import { ComfyDisk } from '../../../src/comfy/disk/comfy-disk.js';
import { testConfig } from '../../support/config.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const HOUR = 3_600_000;
const database = await testDatabase({ from: 'template' });
let folder: string;
let house: House;
let customer: Customer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'hom-comfyui-'));
  house = await House.start({
    databaseUrl: database.url,
    sandboxDirs: [folder],
    environment: { COMFYUI_DIRS: folder },
  });
  customer = await house.customer();
});
afterAll(async () => {
  await house.stop();
  await rm(folder, { recursive: true, force: true });
});

const sweep = (now?: number) => house.app.get(ComfyDisk).sweep(now);
const outputs = () => readdir(path.join(folder, 'output', 'hom'));
const uploads = async () =>
  (await readdir(path.join(folder, 'temp'))).filter((name) => name.startsWith('hom-'));

describe('the folders of a ComfyUI on this machine', () => {
  it('lose the outputs of ended jobs, and keep those of a running one', async () => {
    const { id: done } = await customer.order();
    await customer.ended(done);
    await house.fault({ kind: 'slow', node: 'KSamplerAdvanced', ms: 3_000 });
    const { id: running } = await customer.order();
    const promptOf = async (id: string) =>
      (
        await house.database.one<{ id: string }>('SELECT prompt_id AS id FROM jobs WHERE id = $1', [
          id,
        ])
      )?.id;
    await expect.poll(() => promptOf(running), { timeout: 60_000 }).toBeTruthy();
    const kept = String(await promptOf(running));
    await mkdir(path.join(folder, 'output', 'hom', kept), { recursive: true });
    expect((await outputs()).length).toBeGreaterThan(1);
    await sweep();
    expect(await outputs()).toEqual([kept]);
    await house.clearFaults();
    await customer.fetch(`/v1/jobs/${running}/cancel`, { method: 'POST' });
    await customer.ended(running);
    await sweep();
    expect(await outputs()).toEqual([]);
  });

  it('keep what another installation made for a day, and what is not ours for ever', async () => {
    const theirs = path.join(folder, 'output', 'hom', randomUUID());
    await mkdir(theirs, { recursive: true });
    await mkdir(path.join(folder, 'output', 'hom', 'portraits'), { recursive: true });
    await writeFile(path.join(folder, 'output', 'ComfyUI_00001_.png'), 'a person’s own picture');
    await sweep();
    expect(await outputs()).toEqual(expect.arrayContaining([path.basename(theirs), 'portraits']));
    await utimes(theirs, 0, 0);
    await sweep();
    expect(await outputs()).toEqual(['portraits']);
    expect(await readdir(path.join(folder, 'output'))).toContain('ComfyUI_00001_.png');
  });

  it('lose uploads that nobody relies on; the next job sends its picture again', async () => {
    expect(await uploads()).not.toEqual([]);
    await sweep();
    expect(await uploads()).not.toEqual([]);
    await sweep(Date.now() + 7 * HOUR);
    expect(await uploads()).toEqual([]);
    const { id } = await customer.order();
    expect((await customer.ended(id)).status).toBe('succeeded');
    expect(await uploads()).not.toEqual([]);
  });

  it('are named by the doctor: swept, missing, or nobody’s care', async () => {
    const say = async (dirs: string) =>
      (await examineComfyDisks(testConfig({ COMFYUI_DIRS: dirs }))).map(
        ({ verdict, detail }) => `${verdict} ${detail}`,
      );
    expect(await say(folder)).toEqual([`ok ${folder} is swept`]);
    expect(await say('/nowhere')).toEqual([expect.stringMatching(/^bad \/nowhere: ENOENT/)]);
    expect(await say('')).toEqual([
      expect.stringMatching(/^odd COMFYUI_DIRS is not set: .*output\/hom/),
    ]);
  });
});
