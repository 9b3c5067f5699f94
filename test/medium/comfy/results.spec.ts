import { rm } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { JobReconciler } from '../../../src/jobs/job-reconciler.js';
import { House, type Customer } from '../../support/house.js';
import { batchWorkflow } from '../../support/own-workflow.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let folder: string;
let house: House;
let customer: Customer;

beforeAll(async () => {
  folder = await batchWorkflow(3);
  house = await House.start({
    databaseUrl: database.url,
    environment: { WORKFLOWS_DIR: folder },
  });
  customer = await house.customer();
});
afterEach(() => house.clearFaults());
afterAll(async () => {
  await house.stop();
  await rm(folder, { recursive: true, force: true });
});

const order = (fields: Readonly<Record<string, unknown>> = {}) =>
  customer.orderOwn('batch', fields);

const meanOf = async (fileId: string): Promise<number> => {
  const content = await customer.fetch(`/v1/files/${fileId}/content`);
  const { channels } = await sharp(Buffer.from(await content.arrayBuffer())).stats();
  return channels[0]!.mean;
};

it('gives every file that a node saved, in order', async () => {
  const job = await customer.ended((await order()).id);
  expect(job.status).toBe('succeeded');
  expect(job.outputs.map(({ name }) => name)).toEqual(['image', 'image-2']);
  const [picture, negative] = await Promise.all(job.outputs.map(({ file }) => meanOf(file!.id)));
  expect(picture! + negative!).toBeCloseTo(255, -1);
});

it('fails without a charge when a picture is none, and keeps nothing of it', async () => {
  const before = await customer.credits();
  await house.fault({ kind: 'garbage-output' });
  const job = await customer.ended((await order()).id);
  expect(job).toMatchObject({ status: 'failed', error: { code: 'comfy.output_unreadable' } });
  expect(await customer.credits()).toEqual(before);
  const files = () => house.database.query(`SELECT status FROM files WHERE job_id = $1`, [job.id]);
  expect(await files()).toEqual([{ status: 'stored' }]);
  await house.database.query(
    `UPDATE job_prompts SET ended_at = ended_at - interval '1 hour' WHERE job_id = $1`,
    [job.id],
  );
  const reconciler = house.app.get(JobReconciler);
  await reconciler.keepHouse();
  expect(await files()).toEqual([{ status: 'deleted' }]);
});

it('stops what takes longer than it may, without a charge, and frees the GPU', async () => {
  const before = await customer.credits();
  const { id } = await order({ steps: 1_000 });
  const { id: next } = await order();
  const job = await customer.ended(id);
  expect(job).toMatchObject({ status: 'failed', error: { code: 'comfy.deadline_exceeded' } });
  expect((await customer.ended(next)).status).toBe('succeeded');
  const { available } = before;
  expect(await customer.credits()).toEqual({ available: available - 2, reserved: 0 });
});
