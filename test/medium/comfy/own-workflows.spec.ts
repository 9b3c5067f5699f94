import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../../src/jobs/index.js';
import { House, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({
    databaseUrl: database.url,
    environment: { WORKFLOWS_DIR: 'examples/workflows' },
  });
  customer = await house.customer();
});
afterAll(() => house.stop());

const save = async (name: string): Promise<string> => {
  const form = new FormData();
  form.set('file', new Blob([await readFile(`samples/${name}`)]), name);
  return (await customer.json<{ id: string }>('/v1/files', { method: 'POST', body: form })).id;
};

const pictureOf = async (job: JobView) => {
  expect(job).toMatchObject({ status: 'succeeded', credits: { captured: 1 } });
  const file = await customer.fetch(`/v1/files/${job.outputs[0]!.file!.id}/content`);
  return sharp(Buffer.from(await file.arrayBuffer()));
};

const pixel = async (picture: Sharp, left: number, top: number) => [
  ...(await picture
    .clone()
    .extract({ left, top, width: 1, height: 1 })
    .removeAlpha()
    .raw()
    .toBuffer()),
];

describe('workflows of the operator', () => {
  it('are in the catalogue and in the price list', async () => {
    const { items } = await customer.json<{ items: { id: string; ready: boolean; missing: [] }[] }>(
      '/v1/comfy/workflows',
    );
    for (const id of ['scale-sharpen-frame', 'contact-sheet']) {
      expect(items.find((one) => one.id === id)).toMatchObject({
        ready: true,
        missing: [],
        credits: 1,
      });
    }
    const prices = await customer.json<{ items: object[] }>('/v1/credits/prices');
    expect(prices.items).toContainEqual({ workflow: 'contact-sheet', credits: 1 });
  });

  it('have a route of their own in the OpenAPI document', async () => {
    const { paths } = await customer.json<{
      paths: Record<string, { post: { requestBody: { content: Record<string, object> } } }>;
    }>('/openapi.json');
    const { content } = paths['/v1/comfy/workflows/scale-sharpen-frame/jobs']!.post.requestBody;
    expect(content['application/json']).toMatchObject({
      schema: { required: ['imageId'], properties: { sharpness: { maximum: 3 } } },
    });
    expect(content['multipart/form-data']).toMatchObject({
      schema: { required: ['image'], properties: { image: { format: 'binary' } } },
    });
  });

  it('frame a picture that comes in a form', async () => {
    const form = new FormData();
    form.set('image', new Blob([await readFile('samples/product-coffee-cup.png')]), 'cup.png');
    form.set('frameColour', '16711680');
    const ordered = await customer.json<JobView>('/v1/comfy/workflows/scale-sharpen-frame/jobs', {
      method: 'POST',
      body: form,
    });
    const picture = await pictureOf(await customer.ended(ordered.id));
    expect(await picture.metadata()).toMatchObject({ width: 1200, height: 1200 });
    expect(await pixel(picture, 10, 600)).toEqual([255, 0, 0]);
    expect(await pixel(picture, 600, 100)).toEqual([255, 255, 255]);
    const middle = await picture
      .clone()
      .extract({ left: 300, top: 500, width: 600, height: 200 })
      .stats();
    expect(middle.entropy).toBeGreaterThan(4);
  });

  it('put saved pictures on a sheet, the first for those that are not given', async () => {
    const [imageId, secondId] = [
      await save('product-coffee-cup.png'),
      await save('person-astronaut.png'),
    ];
    const ordered = await customer.json<JobView>('/v1/comfy/workflows/contact-sheet/jobs', {
      method: 'POST',
      body: JSON.stringify({ imageId, secondId }),
    });
    expect(ordered.inputs).toHaveLength(2);
    const picture = await pictureOf(await customer.ended(ordered.id));
    const tile = (left: number, top: number) =>
      picture.clone().extract({ left, top, width: 560, height: 560 }).raw().toBuffer();
    const first = await tile(26, 26);
    expect((await tile(26, 614)).equals(first)).toBe(true);
    expect((await tile(614, 26)).equals(first)).toBe(false);
  });

  it('refuse what is out of their limits, and are not charged for it', async () => {
    const before = await customer.credits();
    const response = await customer.fetch('/v1/comfy/workflows/scale-sharpen-frame/jobs', {
      method: 'POST',
      body: JSON.stringify({ imageId: await save('product-coffee-cup.png'), sharpness: 4 }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ path: 'sharpness' }] });
    expect(await customer.credits()).toEqual(before);
  });
});
