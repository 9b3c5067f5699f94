import { validateBytes } from 'gltf-validator';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { ToolStandIns } from '../../support/tools.js';

const database = await testDatabase({ from: 'template' });
let standIns: ToolStandIns;
let house: House;
let customer: Customer;

beforeAll(async () => {
  standIns = await ToolStandIns.start(['--task-ms=800', '--link-seconds=60']);
  house = await House.start({
    databaseUrl: database.url,
    sandboxes: 0,
    environment: { ...standIns.environment, COMFYUI_URLS: 'http://127.0.0.1:1' },
  });
  customer = await house.customer();
});
afterAll(async () => {
  await house.stop();
  await standIns.stop();
});

const order = (fields: Record<string, unknown> = {}) =>
  customer.orderTool('models-3d', { imageId: customer.imageId, ...fields });

const content = async (fileId: string) => {
  const response = await customer.fetch(`/v1/files/${fileId}/content`);
  return new Uint8Array(await response.arrayBuffer());
};

describe('a 3D model', () => {
  it('is a GLB that the validator accepts, with a preview', async () => {
    const before = await customer.credits();
    const { id } = await order();
    const job = await customer.ended(id);
    expect(job).toMatchObject({ kind: 'tool', workflow: 'models-3d', status: 'succeeded' });
    expect(job.outputs.map(({ name, file }) => [name, file?.mimeType])).toEqual([
      ['model', 'model/gltf-binary'],
      ['preview', 'image/png'],
    ]);
    const [model, preview] = await Promise.all(job.outputs.map(({ file }) => content(file!.id)));
    const report = await validateBytes(model!);
    expect(report.issues).toMatchObject({ numErrors: 0, numWarnings: 0 });
    expect(report.info).toMatchObject({ hasTextures: true, materialCount: 1 });
    expect(await sharp(preview).metadata()).toMatchObject({ width: 512 });
    expect((await customer.credits()).available).toBe(before.available - 30);
  });
});
