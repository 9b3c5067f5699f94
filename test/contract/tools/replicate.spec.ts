import { buffer } from 'node:stream/consumers';
import ReplicateClient, { type ApiError } from 'replicate';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ProviderTask, TryOnRequest } from '../../../src/tools/providers/provider.js';
import { Replicate } from '../../../src/tools/providers/replicate/replicate.js';
import { until } from '../../support/house.js';
import { ToolStandIns } from '../../support/tools.js';
import { shirt, tallPerson } from '../../support/try-on-pictures.js';

const never = new AbortController().signal;
const VERSION = 'c871bb9b046607b680449ecbae55fd8c6d945e0a1948644bf2361b3d021d3ff4';

let standIns: ToolStandIns;
let url: string;
let token: string;
let request: TryOnRequest;

beforeAll(async () => {
  standIns = await ToolStandIns.start(['--task-ms=400', '--link-seconds=20']);
  url = standIns.url('replicate');
  token = standIns.addresses['replicateToken'] ?? '';
  request = {
    person: await tallPerson(),
    garment: await shirt(),
    description: 'striped shirt',
    category: 'dresses',
    steps: 30,
    seed: 42,
  };
});
afterAll(() => standIns.stop());
beforeEach(() => standIns.script('replicate'));

const adapter = () =>
  new Replicate({
    baseUrl: `${url}/v1`,
    token,
    modelVersion: VERSION,
    timeoutMs: 20_000,
    downloads: { hosts: [], ownOrigin: url, maxBytes: 20_000_000, timeoutMs: 60_000 },
  });
const client = () =>
  new ReplicateClient({ auth: token, baseUrl: `${url}/v1`, useFileOutput: false });
const blob = (bytes: Buffer) => new Blob([new Uint8Array(bytes)]);
const input = () => ({
  human_img: blob(request.person.bytes),
  garm_img: blob(request.garment.bytes),
  garment_des: 'striped shirt',
});

/** The task once it has ended. */
const end = async (replicate: Replicate, id: string): Promise<ProviderTask> => {
  let task = await replicate.look(id, never);
  await until(async () => {
    task = await replicate.look(id, never);
    return !['waiting', 'running'].includes(task.state);
  });
  return task;
};
const make = async (replicate: Replicate) =>
  replicate.create(await replicate.prepare(request, never));

describe('the stand-in of Replicate', () => {
  it('serves the official SDK, files and all', async () => {
    const output: unknown = await client().run(`cuuupid/idm-vton:${VERSION}`, { input: input() });
    expect(output).toMatch(/output\.png$/);
    if (typeof output !== 'string') return;
    const picture = await (await fetch(output)).arrayBuffer();
    expect(await sharp(picture).metadata()).toMatchObject({
      width: 768,
      height: 1024,
      format: 'png',
    });
  });

  it('answers the SDK with what Replicate answers', async () => {
    const { predictions } = client();
    const version = VERSION;
    const waited = await predictions.create({ version, input: input(), wait: 5 });
    expect(waited).toMatchObject({ status: 'succeeded', error: null, data_removed: false });
    const made = await predictions.create({ version, input: input() });
    expect(made.status).toBe('starting');
    expect(await predictions.cancel(made.id)).toMatchObject({ id: made.id, status: 'canceled' });
    expect((await predictions.list()).results[0]).toMatchObject({
      id: made.id,
      status: 'canceled',
    });
    const refused = await predictions
      .create({ version, input: {} })
      .catch((error: ApiError) => error);
    expect(refused).toMatchObject({ response: { status: 422 } });
    const lost = await predictions.get('nothere').catch((error: ApiError) => error);
    expect(lost).toMatchObject({ response: { status: 404 } });
  });

  it('gives the adapter a prediction to follow, whose picture is fetched without the token', async () => {
    const replicate = adapter();
    const id = await make(replicate);
    expect(await replicate.look(id, never)).toEqual({ state: 'waiting' });
    const task = await end(replicate, id);
    if (task.state !== 'succeeded') throw new Error(task.state);
    const bytes = await buffer(replicate.download(task.results[0]!, never));
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 768, height: 1024 });
    const fetched = await standIns.calls('replicate', 'result');
    expect(fetched.map(({ authorization }) => authorization)).not.toContain(`Bearer ${token}`);
  });

  it('lets a prediction be found whose create was not answered', async () => {
    const replicate = adapter();
    const prepared = await replicate.prepare(request, never);
    await standIns.script('replicate', { on: 'create', after: 'reset' });
    await expect(replicate.create(prepared)).rejects.toMatchObject({ kind: 'indeterminate' });
    const id = await replicate.find(prepared.marker ?? '', never);
    expect(id).toMatch(/^\w{26}$/);
    expect(await replicate.find('another', never)).toBeUndefined();
  });

  it('is cancelled', async () => {
    const replicate = adapter();
    const id = await make(replicate);
    await replicate.cancel(id, never);
    expect(await replicate.look(id, never)).toEqual({ state: 'cancelled' });
  });

  it.each([
    [{ status: 'failed', error: 'NSFW content detected. Try running it again.' }, 'moderated'],
    [
      { status: 'failed', error: 'The input or output was flagged as sensitive. (E005)' },
      'moderated',
    ],
    [{ status: 'failed', error: 'cannot identify image file' }, 'invalid'],
    [{ status: 'failed', error: 'E1001: the model ran out of memory' }, 'failed'],
    [{ status: 'failed', error: 'Prediction interrupted; please retry (code: PA)' }, 'failed'],
    [{ status: 'failed', error: null }, 'failed'],
    [{ status: 'succeeded', output: null }, 'bad-result'],
    [{ status: 'succeeded', output: null, data_removed: true }, 'expired'],
  ])('ends a prediction with %j as %s', async (task, kind) => {
    await standIns.script('replicate', { on: 'create', task });
    const replicate = adapter();
    expect(await end(replicate, await make(replicate))).toMatchObject({
      state: 'failed',
      error: { kind },
    });
  });

  it.each([
    ['canceled', 'cancelled'],
    ['aborted', 'cancelled'],
    ['dreaming', 'unclear'],
  ])('shows a prediction that is %s as %s', async (status, state) => {
    await standIns.script('replicate', { on: 'create', task: { status } });
    const replicate = adapter();
    expect(await end(replicate, await make(replicate))).toEqual({ state });
  });

  it.each([
    ['401', { status: 401, json: { detail: 'Unauthenticated' } }, 'auth'],
    ['402', { status: 402, json: { title: 'Insufficient credit' } }, 'no-credit'],
    ['413', { status: 413, text: 'too large' }, 'invalid'],
    ['422 for its input', { status: 422, json: { title: 'Input validation failed' } }, 'invalid'],
    [
      '422 for its version',
      { status: 422, json: { title: 'Invalid version or not permitted' } },
      'auth',
    ],
    [
      '429',
      { status: 429, json: { detail: 'Request was throttled.' }, headers: { 'retry-after': '9' } },
      'throttled',
    ],
    ['500', { status: 500, json: { detail: 'Internal server error' } }, 'indeterminate'],
    ['503', { status: 503, text: '<html>busy</html>' }, 'unavailable'],
    ['HTML with 201', { status: 201, text: '<html>hello</html>' }, 'indeterminate'],
  ])('refuses a create with %s', async (_, answer, kind) => {
    const replicate = adapter();
    const prepared = await replicate.prepare(request, never);
    await standIns.script('replicate', { on: 'create', answer });
    const more = answer.status === 429 ? { retryAfterSeconds: 9 } : {};
    await expect(replicate.create(prepared)).rejects.toMatchObject({ kind, ...more });
    expect(await standIns.calls('replicate', 'create')).toContainEqual(
      expect.objectContaining({ status: answer.status }),
    );
  });
});
