import { buffer } from 'node:stream/consumers';
import { Client, handle_file } from '@gradio/client';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Gradio } from '../../../src/tools/providers/gradio/gradio.js';
import type { ProviderTask, TryOnRequest } from '../../../src/tools/providers/provider.js';
import { ToolStandIns } from '../../support/tools.js';
import {
  colourAt,
  lowerMask,
  shirt,
  squarePerson,
  tallPerson,
} from '../../support/try-on-pictures.js';

const never = new AbortController().signal;
/** Where the sample person wears the garment. */
const CHEST = [0.2, 0.6, 0.4, 0.15] as const;

describe.each(['4.24.0', '6.25.0'])('the stand-in of Gradio %s', (version) => {
  let standIns: ToolStandIns;
  let url: string;
  let request: TryOnRequest;

  const adapter = (token?: string) =>
    new Gradio({
      baseUrl: url,
      token,
      functionName: 'tryon',
      timeoutMs: 20_000,
      downloads: { hosts: [], ownOrigin: url, maxBytes: 20_000_000, timeoutMs: 60_000 },
    });
  const run = async (gradio: Gradio, of = request): Promise<ProviderTask> =>
    gradio.look(await gradio.create(await gradio.prepare(of, never)), never);
  const arguments_ = () =>
    [
      {
        background: handle_file(
          new Blob([new Uint8Array(request.person.bytes)], { type: 'image/jpeg' }),
        ),
        layers: [],
        composite: null,
      },
      handle_file(new Blob([new Uint8Array(request.garment.bytes)], { type: 'image/png' })),
      'striped shirt',
      true,
      false,
      30,
      42,
    ] as const;

  beforeAll(async () => {
    standIns = await ToolStandIns.start([`--gradio-version=${version}`, '--task-ms=100']);
    url = standIns.url('gradio');
    request = {
      person: await tallPerson(),
      garment: await shirt(),
      description: 'striped shirt',
      category: 'upper_body',
      steps: 30,
      seed: 42,
    };
  });
  afterAll(() => standIns.stop());
  beforeEach(() => standIns.script('gradio'));

  it('serves the official client', async () => {
    const app = await Client.connect(url, { events: ['data', 'status'] });
    const { data } = await app.predict<{ url: string }[]>('/tryon', [...arguments_()]);
    expect(data).toHaveLength(2);
    const picture = await (await fetch(data[0]!.url)).arrayBuffer();
    expect(await sharp(picture).metadata()).toMatchObject({
      width: 768,
      height: 1024,
      format: version === '4.24.0' ? 'png' : 'webp',
    });
  });

  it('tells the official client of a failure and of a full queue', async () => {
    const app = await Client.connect(url, { events: ['data', 'status'] });
    await standIns.script('gradio', {
      on: 'join',
      task: { error: 'You have exceeded your GPU quota' },
    });
    await expect(app.predict('/tryon', [...arguments_()])).rejects.toMatchObject({
      message: 'You have exceeded your GPU quota',
    });
    const full = { status: 503, json: { detail: 'Queue is full. Max size is 20 and size is 20.' } };
    await standIns.script('gradio', { on: 'join', answer: full });
    await expect(app.predict('/tryon', [...arguments_()])).rejects.toMatchObject({
      message: expect.stringMatching(/currently busy/i) as string,
    });
  });

  it('gives the adapter a person who wears the garment', async () => {
    const gradio = adapter('hf_ours');
    const task = await run(gradio);
    expect(task).toMatchObject({
      state: 'succeeded',
      results: [{ name: 'image', form: 'picture' }],
    });
    if (task.state !== 'succeeded') return;
    const bytes = await buffer(gradio.download(task.results[0]!, never));
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 768, height: 1024 });
    const [before, after] = [
      await colourAt(request.person.bytes, CHEST),
      await colourAt(bytes, CHEST),
    ];
    // From orange to blue and white.
    expect(before[0]! - before[2]!).toBeGreaterThan(60);
    expect(after[2]! - after[0]!).toBeGreaterThan(5);
    const calls = (await standIns.calls('gradio')).filter(({ authorization }) => authorization);
    const names = calls.map(({ name, authorization }) => `${name} ${authorization}`);
    expect(names).toEqual(
      ['config', 'upload', 'join', 'listen', 'file'].map((name) => `${name} Bearer hf_ours`),
    );
  });

  it('puts the result back into a photograph of another format', async () => {
    const gradio = adapter();
    const task = await run(gradio, { ...request, person: await squarePerson() });
    if (task.state !== 'succeeded') throw new Error(task.state);
    const bytes = await buffer(gradio.download(task.results[0]!, never));
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 512, height: 512 });
  });

  it('takes a mask in place of its own search', async () => {
    const gradio = adapter();
    const person = await squarePerson();
    const mask = await lowerMask(512, 512);
    const prepared = await gradio.prepare(
      { ...request, person, mask, category: 'lower_body' },
      never,
    );
    const { data } = prepared.body as { data: unknown[] };
    expect(data[0]).toMatchObject({ layers: [{ meta: { _type: 'gradio.FileData' } }] });
    expect(data.slice(3, 5)).toEqual([false, false]);
    const task = await gradio.look(await gradio.create(prepared), never);
    if (task.state !== 'succeeded') throw new Error(task.state);
    const bytes = await buffer(gradio.download(task.results[0]!, never));
    // Above the mask the photograph is as it was: the middle of 3 to 4.
    const before = await sharp(person.bytes)
      .extract({ left: 64, top: 0, width: 384, height: 512 })
      .toBuffer();
    const face = [0.3, 0.1, 0.3, 0.3] as const;
    const [was, is] = [await colourAt(before, face), await colourAt(bytes, face)];
    expect(is.every((part, channel) => Math.abs(part - was[channel]!) <= 3)).toBe(true);
    const black = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#000' } })
      .png()
      .toBuffer();
    const empty = { bytes: black, width: 9, height: 9, mimeType: 'image/png' };
    await expect(gradio.prepare({ ...request, mask: empty }, never)).rejects.toMatchObject({
      kind: 'invalid',
    });
  });

  it('is understood however its event stream is cut', async () => {
    await standIns.script('gradio', { on: 'join', task: { chop: true } });
    expect(await run(adapter())).toMatchObject({ state: 'succeeded' });
  });

  it.each([
    [null, 'failed'],
    ['list index out of range', 'failed'],
    [
      'You have exceeded your GPU quota (60s requested vs. 46s left). <a href="x">Create an account</a>',
      'no-credit',
    ],
    ['No GPU is currently available for you after 60s', 'throttled'],
    ['GPU task aborted', 'throttled'],
    ['Potential NSFW content was detected', 'moderated'],
    ["PIL.UnidentifiedImageError: cannot identify image file 'x'", 'invalid'],
  ])('fails with the text %j as %s', async (error, kind) => {
    await standIns.script('gradio', { on: 'join', task: { error } });
    const task = await run(adapter());
    expect(task).toMatchObject({ state: 'failed', error: { kind } });
    if (task.state === 'failed') expect(task.error.message).not.toContain('<a');
  });

  it.each([
    ['401', { status: 401, json: { error: 'Invalid credentials' } }, 'auth'],
    ['404 for an application that is gone', { status: 404, text: '<html>404</html>' }, 'auth'],
    ['422', { status: 422, json: { detail: [] } }, 'invalid'],
    ['429', { status: 429, json: {}, headers: { 'retry-after': '7' } }, 'throttled'],
    ['503, the queue is full', { status: 503, json: { detail: 'Queue is full.' } }, 'throttled'],
    [
      '503 as HTML: a Space that wakes',
      { status: 503, text: '<html>waking</html>' },
      'unavailable',
    ],
    ['502', { status: 502, text: '<html>bad gateway</html>' }, 'indeterminate'],
    [
      'HTML with 200: a Space that sleeps',
      { status: 200, text: '<html>asleep</html>' },
      'indeterminate',
    ],
  ])('answers a create with %s', async (_, answer, kind) => {
    const gradio = adapter();
    const prepared = await gradio.prepare(request, never);
    await standIns.script('gradio', { on: 'join', answer });
    await expect(gradio.create(prepared)).rejects.toMatchObject({ kind });
    expect(await standIns.calls('gradio', 'config')).not.toHaveLength(0);
  });

  it('loses an event with its connection, and says so at the second look', async () => {
    const gradio = adapter();
    await standIns.script('gradio', { on: 'join', task: { drop: true } });
    const id = await gradio.create(await gradio.prepare(request, never));
    await expect(gradio.look(id, never)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(gradio.look(id, never)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(adapter().look('0123', never)).rejects.toMatchObject({ kind: 'not-found' });
    const path = `${version === '4.24.0' ? '' : '/gradio_api'}/queue/data?session_hash=0123`;
    expect(await (await fetch(`${url}${path}`)).text()).toContain('404: Session not found.');
  });

  it('is cancelled while it runs', async () => {
    const gradio = adapter();
    await standIns.script('gradio', { on: 'join', task: { ms: 5_000 } });
    const id = await gradio.create(await gradio.prepare(request, never));
    const stop = new AbortController();
    const looking = gradio.look(id, stop.signal);
    setTimeout(() => stop.abort(), 200);
    await expect(looking).rejects.toMatchObject({ kind: 'unavailable' });
    await gradio.cancel(id, never);
    expect(await gradio.look(id, never)).toEqual({ state: 'cancelled' });
    const expected = version === '4.24.0' ? [] : [expect.objectContaining({ status: 200 })];
    expect(await standIns.calls('gradio', 'cancel')).toEqual(expected);
  });
});
