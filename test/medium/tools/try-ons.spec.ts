import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobView } from '../../../src/jobs/index.js';
import type { Fault } from '../../../src/sandbox/tools/server.js';
import { House, until, type Customer } from '../../support/house.js';
import { testDatabase } from '../../support/postgres.js';
import { ToolStandIns } from '../../support/tools.js';
import {
  colourAt,
  lowerMask,
  shirt,
  squarePerson,
  tallPerson,
} from '../../support/try-on-pictures.js';

const PRICE = 8;
const CHEST = [0.2, 0.6, 0.4, 0.15] as const;
/** Where each provider's task is made, and where its result lies. */
const ROUTES = {
  gradio: { create: 'join', result: 'file' },
  replicate: { create: 'create', result: 'result' },
} as const;

describe.each(['gradio', 'replicate'] as const)('a try-on at %s', (provider) => {
  const routes = ROUTES[provider];
  let standIns: ToolStandIns;
  let house: House;
  let customer: Customer;
  let personImageId: string;
  let garmentImageId: string;

  beforeAll(async () => {
    const database = await testDatabase({ from: 'template' });
    standIns = await ToolStandIns.start(['--task-ms=300', '--link-seconds=60']);
    house = await House.start({
      databaseUrl: database.url,
      sandboxes: 0,
      environment: {
        ...standIns.tryOnEnvironment(provider),
        TOOL_RESULT_MAX_MB: '5',
        TOOL_TIMEOUT_SECONDS: '20',
      },
    });
    customer = await house.customer();
    personImageId = await customer.save((await tallPerson()).bytes);
    garmentImageId = await customer.save((await shirt()).bytes);
  });
  afterAll(async () => {
    await house.stop();
    await standIns.stop();
  });
  beforeEach(() => standIns.script(provider));

  const order = (fields: Record<string, unknown> = {}): Promise<JobView> =>
    customer.orderTool('try-ons', {
      personImageId,
      garmentImageId,
      description: 'striped shirt',
      ...fields,
    });
  const outputOf = async (job: JobView): Promise<Buffer> => {
    const response = await customer.fetch(`/v1/files/${job.outputs[0]!.file!.id}/content`);
    return Buffer.from(await response.arrayBuffer());
  };
  const script = (...faults: Fault[]) => standIns.script(provider, ...faults);
  const refusal = async (fields: Record<string, unknown>) => {
    const body = JSON.stringify({ personImageId, garmentImageId, description: 'x', ...fields });
    const response = await customer.fetch('/v1/tools/try-ons', { method: 'POST', body });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  /** What it cost. */
  const charged = async (work: () => Promise<unknown>): Promise<number> => {
    const before = await customer.credits();
    await work();
    const after = await customer.credits();
    expect(after.reserved).toBe(before.reserved);
    return before.available - after.available;
  };

  it('shows the person in the garment and charges once', async () => {
    let job = await order();
    expect(job).toMatchObject({ kind: 'tool', workflow: 'try-ons', credits: { reserved: PRICE } });
    job = await customer.ended(job.id, 60_000);
    expect(job).toMatchObject({ status: 'succeeded', credits: { reserved: 0, captured: PRICE } });
    expect(job.outputs.map(({ name }) => name)).toEqual(['image']);
    expect(job.inputs).toHaveLength(2);
    const picture = await outputOf(job);
    expect(await sharp(picture).metadata()).toMatchObject({ width: 768, height: 1024 });
    const before = await colourAt((await tallPerson()).bytes, CHEST);
    const after = await colourAt(picture, CHEST);
    expect(before[0]! - before[2]!).toBeGreaterThan(60);
    expect(after[2]! - after[0]!).toBeGreaterThan(5);
    expect(await house.faultsInLedger()).toEqual([]);
  });

  it('takes trousers with a mask, and asks for one where the provider needs it', async () => {
    const { items } = await customer.json<{ items: Record<string, unknown>[] }>('/v1/tools');
    const needed = provider === 'gradio' ? ['lower_body', 'dresses'] : [];
    expect(items.find(({ id }) => id === 'try-ons')).toMatchObject({
      ready: true,
      provider,
      maskNeededFor: needed,
      licence: expect.stringContaining('CC BY-NC-SA') as string,
    });
    if (provider === 'gradio') {
      const { status, body } = await refusal({ category: 'lower_body' });
      expect([status, body['errors']]).toEqual([
        400,
        [{ path: 'maskImageId', message: expect.any(String) as string }],
      ]);
    }
    const person = await customer.save((await squarePerson()).bytes);
    const maskImageId = await customer.save((await lowerMask(512, 512)).bytes);
    const fields = { personImageId: person, maskImageId, category: 'lower_body' };
    const job = await customer.ended((await order(fields)).id, 60_000);
    expect(job.status).toBe('succeeded');
    expect(await sharp(await outputOf(job)).metadata()).toMatchObject({ width: 768, height: 1024 });
  });

  it('refuses pictures of others and what is not an order', async () => {
    const stranger = await house.customer();
    expect(await refusal({ personImageId: stranger.imageId })).toMatchObject({
      status: 404,
      body: { code: 'files.not_found' },
    });
    for (const fields of [{ category: 'hat' }, { steps: 99 }, { description: '' }]) {
      expect((await refusal(fields)).status).toBe(400);
    }
  });

  it('is stopped at the provider when its owner cancels it', async () => {
    await script({ on: routes.create, task: { ms: 6_000 } });
    const cost = await charged(async () => {
      const { id } = await order();
      await customer.reaches(id, ({ status }) => status === 'running');
      await customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
      expect(await customer.ended(id)).toMatchObject({ status: 'cancelled' });
    });
    expect(cost).toBe(0);
    await until(async () => (await standIns.calls(provider, 'cancel')).length > 0);
  });

  const endings: readonly (readonly [string, Fault, string])[] = [
    ...(provider === 'gradio'
      ? ([
          ['no reason', { on: 'join', task: { error: null } }, 'tools.generation_failed'],
          ['nudity', { on: 'join', task: { error: 'NSFW content' } }, 'tools.moderated'],
        ] as const)
      : ([
          [
            'no reason',
            { on: 'create', task: { status: 'failed', error: null } },
            'tools.generation_failed',
          ],
          [
            'nudity',
            { on: 'create', task: { status: 'failed', error: 'NSFW content' } },
            'tools.moderated',
          ],
          [
            'an end from outside',
            { on: 'create', task: { status: 'aborted' } },
            'tools.cancelled_by_provider',
          ],
          [
            'a removed result',
            { on: 'create', task: { output: null, data_removed: true } },
            'tools.bad_result',
          ],
        ] as const)),
    [
      '422',
      { on: routes.create, answer: { status: 422, json: { detail: 'no' } } },
      'tools.refused',
    ],
    [
      'a page in place of the picture',
      {
        on: routes.result,
        times: 9,
        answer: { status: 200, text: '<html>hello, this is no picture</html>' },
      },
      'tools.bad_result',
    ],
    [
      'a result of 2 GB',
      {
        on: routes.result,
        times: 9,
        answer: { status: 200, text: 'x', headers: { 'content-length': '2000000000' } },
      },
      'tools.bad_result',
    ],
    ['a result without end', { on: routes.result, times: 9, after: 'flood' }, 'tools.bad_result'],
    [
      'an expired link',
      { on: routes.result, times: 9, answer: { status: 403 } },
      'tools.bad_result',
    ],
  ];

  it.each(endings)('ends with a hint and without a charge after %s', async (_, fault, code) => {
    await script(fault);
    const cost = await charged(async () => {
      const job = await customer.ended((await order()).id, 90_000);
      expect(job).toMatchObject({ status: 'failed', outputs: [], error: { code } });
      expect(job.error?.hint).toEqual(expect.any(String));
    });
    expect(cost).toBe(0);
  });

  it.each([
    ['429 with Retry-After', { status: 429, json: {}, headers: { 'retry-after': '1' } }],
    ['503 as a page', { status: 503, text: '<html>asleep</html>' }],
  ])('waits in the queue after %s and succeeds later', async (_, answer) => {
    await script({ on: routes.create, answer });
    const cost = await charged(async () => {
      const job = await customer.ended((await order()).id, 90_000);
      expect(job.status).toBe('succeeded');
    });
    expect(cost).toBe(PRICE);
  });

  it('makes a create of unknown outcome no second time where it costs money', async () => {
    const before = (await standIns.calls(provider, routes.create)).length;
    await script({ on: routes.create, after: 'reset' });
    const cost = await charged(async () => {
      const job = await customer.ended((await order()).id, 90_000);
      expect(job.status).toBe('succeeded');
    });
    expect(cost).toBe(PRICE);
    const made = (await standIns.calls(provider, routes.create)).length - before;
    expect(made).toBe(provider === 'gradio' ? 2 : 1);
  });

  it('fetches the picture again after it broke off', async () => {
    await script({ on: routes.result, after: 'reset' });
    const job = await customer.ended((await order()).id, 90_000);
    expect(job.status).toBe('succeeded');
    expect(await sharp(await outputOf(job)).metadata()).toMatchObject({ width: 768 });
  });

  // Only Gradio tells the end of a run on the connection that waits for it.
  const drops = provider === 'gradio' ? [{ on: 'join', task: { drop: true } }] : [];
  it.each(drops)('makes a run anew whose connection was lost', async (drop) => {
    await script(drop);
    const job = await customer.ended((await order()).id, 90_000);
    expect(job).toMatchObject({ status: 'succeeded', credits: { captured: PRICE } });
  });

  // The last: it holds the lane back for minutes.
  it('waits and holds the lane back while the operator must act', async () => {
    const quota = { error: 'You have exceeded your GPU quota (60s requested vs. 46s left).' };
    await script(
      provider === 'gradio'
        ? { on: 'join', task: quota }
        : { on: 'create', answer: { status: 402, json: { title: 'Insufficient credit' } } },
    );
    const before = (await standIns.calls(provider, routes.create)).length;
    const { id } = await order();
    await until(async () => (await standIns.calls(provider, routes.create)).length > before);
    const job = await customer.reaches(id, ({ status }) => status === 'queued');
    expect(job).toMatchObject({ error: null, credits: { reserved: PRICE } });
    const metrics = await (await fetch(`${house.url}/metrics`)).text();
    expect(metrics).toContain(`tool_paused{provider="${provider}"} 1`);
    await customer.json(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    expect((await customer.ended(id)).status).toBe('cancelled');
    expect(await house.faultsInLedger()).toEqual([]);
  });
});

describe('a try-on that is not set up', () => {
  it('is refused with 503, charges nothing, and is said to be missing', async () => {
    const house = await House.start({
      databaseUrl: (await testDatabase({ from: 'template' })).url,
      roles: 'api',
      sandboxes: 0,
    });
    try {
      const customer = await house.customer();
      const { imageId } = customer;
      const order = { personImageId: imageId, garmentImageId: imageId, description: 'a shirt' };
      const body = JSON.stringify(order);
      const response = await customer.fetch('/v1/tools/try-ons', { method: 'POST', body });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'tools.not_configured' });
      const { items } = await customer.json<{ items: Record<string, unknown>[] }>('/v1/tools');
      const reason = expect.stringContaining('TRYON_URL') as string;
      expect(items).toContainEqual(
        expect.objectContaining({ id: 'try-ons', ready: false, provider: null, reason }),
      );
      expect((await customer.credits()).reserved).toBe(0);
    } finally {
      await house.stop();
    }
  });
});
