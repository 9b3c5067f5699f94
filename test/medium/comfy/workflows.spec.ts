import { mkdir, readFile, writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../../src/jobs/index.js';
import { House, type Customer } from '../../support/house.js';
import { measure } from '../../support/measure.js';
import { testDatabase } from '../../support/postgres.js';

const CUP = 'product-coffee-cup';
const PERSON = 'person-astronaut';
/** A folder that keeps the results, to be looked at. */
const KEPT = process.env['KEEP_RESULTS'];

const database = await testDatabase({ from: 'template' });
let house: House;
let customer: Customer;

beforeAll(async () => {
  house = await House.start({ databaseUrl: database.url, gpuMs: 'painted' });
  customer = await house.customer();
});
afterAll(() => house.stop());

const sample = (name: string): Promise<Buffer> => readFile(`samples/${name}.png`);

const save = async (bytes: Buffer): Promise<string> => {
  const form = new FormData();
  form.set('file', new Blob([new Uint8Array(bytes)]), 'picture.png');
  return (await customer.json<{ id: string }>('/v1/files', { method: 'POST', body: form })).id;
};

const succeeded = async ({ id }: JobView): Promise<JobView> => {
  const job = await customer.ended(id, 120_000);
  expect(job.error).toBeNull();
  expect(job).toMatchObject({ status: 'succeeded', progress: { percent: 100 } });
  return job;
};

const orderJson = async (workflow: string, bytes: Buffer, fields: object): Promise<JobView> =>
  succeeded(
    await customer.json<JobView>(`/v1/comfy/${workflow}`, {
      method: 'POST',
      body: JSON.stringify({ imageId: await save(bytes), ...fields }),
    }),
  );

const orderForm = async (
  workflow: string,
  bytes: Buffer,
  fields: Readonly<Record<string, string>>,
): Promise<JobView> => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set('image', new Blob([new Uint8Array(bytes)]), 'picture.png');
  return succeeded(
    await customer.json<JobView>(`/v1/comfy/${workflow}`, { method: 'POST', body: form }),
  );
};

const outputOf = async (job: JobView, name: string): Promise<Buffer> => {
  const file = job.outputs.find((output) => output.name === name)!.file!;
  const response = await customer.fetch(`/v1/files/${file.id}/content`);
  const bytes = Buffer.from(await response.arrayBuffer());
  if (KEPT) {
    await mkdir(KEPT, { recursive: true });
    await writeFile(`${KEPT}/${job.workflow}-${name}.${file.mimeType.split('/')[1]}`, bytes);
  }
  return bytes;
};

const measured = async (job: JobView, source: string, truth: string) => {
  const figures = await measure({
    source: await sample(source),
    result: await outputOf(job, 'image'),
    mask: await outputOf(job, 'mask'),
    truth: await sample(`masks/${truth}`),
  });
  console.log(job.workflow, JSON.stringify(figures));
  return figures;
};

const sizeOf = async (bytes: Buffer) => {
  const { width, height } = await sharp(bytes).metadata();
  return { width, height };
};

const seedOf = (job: JobView): unknown => job.parameters['seed'];

describe('product-backgrounds', () => {
  const prompt = 'on white marble in morning light, green plants behind';

  it('keeps the cup and changes the rest, ordered as JSON', async () => {
    const job = await orderJson('product-backgrounds', await sample(CUP), { prompt, seed: 7 });
    const figures = await measured(job, CUP, CUP);
    expect(figures.overlap).toBeGreaterThanOrEqual(0.85);
    expect(figures.psnrInside).toBeGreaterThanOrEqual(40);
    expect(figures.changedOutside).toBeGreaterThanOrEqual(0.9);
  });

  it('takes a form with another background and the seed as text', async () => {
    const job = await orderForm('product-backgrounds', await sample(CUP), {
      prompt,
      background: 'cafes-and-bars',
      seed: '7',
    });
    expect(job.parameters).toMatchObject({ seed: 7, background: 'cafes-and-bars' });
  });
});

describe('background-changes', () => {
  const prompt = 'on a wooden terrace by the sea at sunset';

  it('keeps the cup and changes the rest, ordered as JSON, and stores its variant', async () => {
    const job = await orderJson('background-changes', await sample(CUP), { prompt, seed: 8 });
    const figures = await measured(job, CUP, CUP);
    expect(figures.overlap).toBeGreaterThanOrEqual(0.85);
    expect(figures.psnrInside).toBeGreaterThanOrEqual(40);
    expect(figures.changedOutside).toBeGreaterThanOrEqual(0.9);
    const row = await house.database.one('SELECT variant FROM jobs WHERE id = $1', [job.id]);
    expect(row).toEqual({ variant: 'core' });
  });

  it('keeps what a given mask shows, ordered as a form', async () => {
    const maskId = await save(await sample(`masks/${CUP}`));
    const job = await orderForm('background-changes', await sample(CUP), {
      prompt,
      maskId,
      seed: '8',
    });
    expect(job.inputs).toHaveLength(2);
    expect((await measured(job, CUP, CUP)).overlap).toBeGreaterThanOrEqual(0.9);
  });
});

describe('apparel-shoots', () => {
  const fields = { prompt: 'in a bar', person: 'a Swedish woman of 60 with long white hair' };

  it('keeps the suit at its own resolution, ordered as JSON', async () => {
    const job = await orderJson('apparel-shoots', await sample(PERSON), fields);
    expect(seedOf(job)).toBe(537728872980780);
    expect(await sizeOf(await outputOf(job, 'image'))).toEqual({ width: 512, height: 512 });
    const figures = await measured(job, PERSON, `${PERSON}-garment`);
    expect(figures.overlap).toBeGreaterThanOrEqual(0.6);
    expect(figures.psnrInside).toBeGreaterThanOrEqual(40);
    expect(figures.changedOutside).toBeGreaterThanOrEqual(0.9);
  });

  it('takes a form with garments as a list', async () => {
    const job = await orderForm('apparel-shoots', await sample(PERSON), {
      ...fields,
      garments: 'long_sleeved_outwear, trousers',
    });
    expect(job.parameters['garments']).toEqual(['long_sleeved_outwear', 'trousers']);
  });
});

describe('turntables', () => {
  it.each([
    ['JSON', () => sample(CUP).then((cup) => orderJson('turntables', cup, { seed: 3 }))],
    ['a form', () => sample(CUP).then((cup) => orderForm('turntables', cup, { seed: '3' }))],
  ] as const)('turns the cup in 21 views as GIF and WEBP, ordered as %s', async (_form, order) => {
    const job = await order();
    expect(job.outputs.map(({ name }) => name)).toEqual(['gif', 'webp', 'mask']);
    for (const name of ['gif', 'webp']) {
      const { format, pages, width, pageHeight } = await sharp(await outputOf(job, name), {
        animated: true,
      }).metadata();
      expect({ format, pages, width, pageHeight }).toEqual({
        format: name,
        pages: 21,
        width: 576,
        pageHeight: 576,
      });
    }
    const gif = await outputOf(job, 'gif');
    const view = (page: number) => sharp(gif, { page }).removeAlpha().raw().toBuffer();
    const [front, side] = [await view(0), await view(5)];
    const changed = front.filter((value, at) => Math.abs(value - side[at]!) > 25).length;
    expect(changed / front.length).toBeGreaterThan(0.02);
  });
});

describe('descriptions', () => {
  it('tells about the cup, ordered as JSON and as a form with a question', async () => {
    const [plain, asked] = [
      await orderJson('descriptions', await sample(CUP), {}),
      await orderForm('descriptions', await sample(CUP), { question: 'Which colours are there?' }),
    ];
    for (const job of [plain, asked]) {
      expect(job.outputs).toMatchObject([{ name: 'text', type: 'text' }]);
      expect(job.outputs[0]!.text!.length).toBeGreaterThan(20);
    }
    console.log('descriptions', plain.outputs[0]!.text);
  });
});

describe('magic-fixes', () => {
  /** White where the left third of the picture is. */
  const leftThird = () =>
    sharp({ create: { width: 512, height: 512, channels: 3, background: '#000' } })
      .composite([
        {
          input: { create: { width: 170, height: 512, channels: 3, background: '#fff' } },
          left: 0,
          top: 0,
        },
      ])
      .png()
      .toBuffer();

  it('changes only what the mask shows, ordered as JSON', async () => {
    const job = await orderJson('magic-fixes', await sample(PERSON), {
      maskId: await save(await leftThird()),
      strength: 0.9,
      seed: 5,
    });
    expect(job.outputs.map(({ name }) => name)).toEqual(['image', 'mask']);
    const result = await outputOf(job, 'image');
    expect(await sizeOf(result)).toEqual({ width: 512, height: 512 });
    const region = async (bytes: Buffer, left: number, width: number) =>
      sharp(bytes).removeAlpha().extract({ left, top: 0, width, height: 512 }).raw().toBuffer();
    const source = await sample(PERSON);
    expect((await region(result, 230, 282)).equals(await region(source, 230, 282))).toBe(true);
    expect((await region(result, 0, 150)).equals(await region(source, 0, 150))).toBe(false);
  });

  it('mends faces and hands without a mask, ordered as a form', async () => {
    const job = await orderForm('magic-fixes', await sample(PERSON), {
      strength: '0.4',
      seed: '5',
    });
    expect(job.outputs.map(({ name }) => name)).toEqual(['image']);
    expect(await sizeOf(await outputOf(job, 'image'))).toEqual({ width: 512, height: 512 });
  });
});

describe('a picture without a subject', () => {
  it.each([
    ['nothing', '#000'],
    ['everything', '#fff'],
  ])('fails with a hint and without a charge when the mask shows %s', async (_what, colour) => {
    const before = await customer.credits();
    const plain = await sharp({
      create: { width: 600, height: 400, channels: 3, background: colour },
    })
      .png()
      .toBuffer();
    const ordered = await customer.json<JobView>('/v1/comfy/background-changes', {
      method: 'POST',
      body: JSON.stringify({
        imageId: await save(await sample(CUP)),
        maskId: await save(plain),
        prompt: 'on marble',
      }),
    });
    const job = await customer.ended(ordered.id, 60_000);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'comfy.subject_not_found' } });
    expect(job.error!.hint).toBeTruthy();
    expect(job.outputs).toEqual([]);
    expect(await customer.credits()).toEqual(before);
  });
});

describe('the routes', () => {
  it('list the trained backgrounds', async () => {
    const { items } = await customer.json<{ items: object[] }>('/v1/comfy/backgrounds');
    expect(items).toEqual(
      ['cafes-and-bars', 'product-backgrounds'].map((id) => ({
        id,
        title: expect.any(String),
        workflows: ['apparel-shoots', 'product-backgrounds'],
      })),
    );
  });

  it('document a body in both forms for each workflow, with three persons', async () => {
    const { paths } = await customer.json<{
      paths: Record<
        string,
        {
          post: {
            requestBody: {
              content: Record<string, { schema: { properties: object }; examples?: object }>;
            };
          };
        }
      >;
    }>('/openapi.json');
    const { items } = await customer.json<{ items: { id: string; ready: boolean }[] }>(
      '/v1/comfy/workflows',
    );
    expect(items).toHaveLength(6);
    for (const { id, ready } of items) {
      expect(ready, id).toBe(true);
      const { content } = paths[`/v1/comfy/${id}`]!.post.requestBody;
      expect(content['application/json']!.schema.properties).toHaveProperty('imageId');
      expect(content['multipart/form-data']!.schema.properties).toHaveProperty('image');
    }
    const apparel =
      paths['/v1/comfy/apparel-shoots']!.post.requestBody.content['application/json']!;
    expect(Object.keys(apparel.examples!)).toHaveLength(3);
  });
});
