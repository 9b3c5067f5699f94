import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { House, until, type Customer } from '../../support/house.js';
import { batchWorkflow } from '../../support/own-workflow.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let folder: string;
let house: House;
let customer: Customer;

beforeAll(async () => {
  folder = await batchWorkflow(6);
  house = await House.start({
    databaseUrl: database.url,
    sandboxes: 2,
    environment: {
      WORKFLOWS_DIR: folder,
      COMFY_RESTART_CMD: `echo "$1" >> ${path.join(folder, 'restarts')}`,
    },
  });
  customer = await house.customer();
});
afterEach(async () => expect(await house.faultsInLedger()).toEqual([]));
afterAll(async () => {
  await house.stop();
  await rm(folder, { recursive: true, force: true });
});

const order = (fields: Readonly<Record<string, unknown>> = {}) =>
  customer.orderOwn('batch', fields);

const instanceAt = async (index: number) =>
  (await house.database.one<{ id: string; state: string; reason: string | null }>(
    'SELECT id, state, last_error AS reason FROM instances WHERE url = $1',
    [house.sandboxes[index]!.url],
  ))!;

/** Which sandbox runs the job. */
const placeOf = async (jobId: string): Promise<number> => {
  const row = await house.database.one<{ url: string }>(
    `SELECT url FROM jobs JOIN instances ON instances.id = jobs.instance_id WHERE jobs.id = $1`,
    [jobId],
  );
  return house.sandboxes.findIndex(({ url }) => url === row?.url);
};

it('starts elsewhere what ran on an instance that is away for longer than the grace', async () => {
  const { id } = await order({ steps: 15 });
  await customer.reaches(id, ({ status }) => status === 'running');
  const place = await placeOf(id);
  await house.kill(place);
  await until(async () => (await instanceAt(place)).state === 'down', 10_000);
  expect((await customer.ended(id)).status).toBe('succeeded');
  expect(await placeOf(id)).toBe(1 - place);
  await house.revive(place);
  await until(async () => (await instanceAt(place)).state === 'ready', 15_000);
});

it('moves what is staged behind somebody else’s prompt to the idle instance', async () => {
  for (const { url } of house.sandboxes) {
    const prompt = {
      1: { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 7 } },
      2: {
        class_type: 'PeerSteps',
        inputs: { image: ['1', 0], steps: 250, step_ms: 100, preview: 'none', salt: 1 },
      },
      3: { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
    };
    // The other instance is free again sooner.
    if (url !== house.sandboxes[0]!.url) prompt[2].inputs.steps = 40;
    const body = JSON.stringify({ prompt, prompt_id: randomUUID() });
    await fetch(`${url}/prompt`, { method: 'POST', body });
  }
  const jobs = [await order(), await order()];
  const ended = await Promise.all(jobs.map(({ id }) => customer.ended(id, 20_000)));
  expect(ended.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  expect(await Promise.all(jobs.map(({ id }) => placeOf(id)))).toEqual([1, 1]);
  await house.crash(0);
  await until(async () => (await instanceAt(0)).state === 'ready', 15_000);
});

it('sets an instance aside whose prompt hangs, has it restarted, and takes it back', async () => {
  for (const index of [0, 1]) await house.fault({ kind: 'hang', node: 'PeerSteps' }, index);
  // Steps that no prompt took before: ComfyUI skips what it has in its cache.
  const { id } = await order({ steps: 5 });
  await customer.reaches(id, ({ status }) => status === 'running');
  const place = await placeOf(id);
  await house.clearFaults(1 - place);
  expect(await customer.ended(id)).toMatchObject({
    status: 'failed',
    error: { code: 'comfy.deadline_exceeded' },
  });
  await until(async () => (await instanceAt(place)).state === 'sick', 20_000);
  expect((await instanceAt(place)).reason).toContain('hangs');
  const { url } = house.sandboxes[place]!;
  expect(await readFile(path.join(folder, 'restarts'), 'utf8')).toBe(`${url}\n`);
  const others = await Promise.all([order(), order(), order()]);
  for (const other of others) {
    expect((await customer.ended(other.id)).status).toBe('succeeded');
    expect(await placeOf(other.id)).toBe(1 - place);
  }
  await house.crash(place);
  await until(async () => (await instanceAt(place)).state === 'ready', 15_000);
});
