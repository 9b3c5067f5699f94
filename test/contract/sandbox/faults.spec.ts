import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { startSandbox, type TestSandbox } from '../../support/sandbox.js';
import { fetchFile, finished, submit, type Graph, type HistoryEntry } from './studio.js';
import { getJson, post, send } from './wire.js';

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

let colour = 0;
/** A picture nobody has asked for before, so that nothing of it is cached. */
const aGraph = (): Graph => ({
  '1': {
    class_type: 'EmptyImage',
    inputs: { width: 16, height: 16, batch_size: 1, color: (colour += 1) },
  },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'f' } },
});

describe('a scripted fault', () => {
  let sandbox: TestSandbox;
  let sockets: WebSocket[] = [];
  beforeAll(async () => {
    sandbox = await startSandbox({ control: true });
  });
  afterAll(() => sandbox.stop());
  afterEach(async () => {
    sockets.forEach((socket) => socket.terminate());
    sockets = [];
    await send(sandbox.url, 'DELETE', '/__control/faults');
  });

  const arm = async (fault: object) => {
    expect((await post(sandbox.url, '/__control/faults', fault)).status).toBe(200);
  };
  const connect = async (clientId: string) => {
    const socket = new WebSocket(`${sandbox.url.replace('http', 'ws')}/ws?clientId=${clientId}`);
    sockets.push(socket);
    const frames: (string | Buffer)[] = [];
    socket.on('message', (data: Buffer, isBinary) =>
      frames.push(isBinary ? data : data.toString()),
    );
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('open', resolve));
    while (frames.length === 0) await sleep(5);
    return { socket, frames };
  };
  const typesOf = (frames: readonly (string | Buffer)[]) =>
    frames.flatMap((frame) => {
      try {
        return typeof frame === 'string' ? [(JSON.parse(frame) as Message).type] : [];
      } catch {
        return ['not JSON'];
      }
    });
  const run = async (more: object = {}): Promise<HistoryEntry> =>
    finished(sandbox.url, await submit(sandbox.url, aGraph(), more));
  const lastOf = (entry: HistoryEntry) => entry.status.messages.at(-1) ?? ['none', {}];

  it('mutes the socket while HTTP goes on', async () => {
    const { frames } = await connect('muted');
    await arm({ kind: 'mute' });
    await run({ client_id: 'muted' });
    expect(frames).toHaveLength(1);
    await send(sandbox.url, 'DELETE', '/__control/faults');
    await run({ client_id: 'muted' });
    expect(typesOf(frames)).toContain('execution_success');
  });

  it.each([
    ['close-sockets', 1005],
    ['cut-sockets', 1006],
  ])('ends every connection: %s', async (kind, code) => {
    const { socket } = await connect('ended');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await arm({ kind });
    expect(await closed).toBe(code);
    await connect('ended');
  });

  it('leaves connections half open: they take no message and answer no ping', async () => {
    const { socket, frames } = await connect('half');
    let pongs = 0;
    socket.on('pong', () => (pongs += 1));
    await arm({ kind: 'half-open' });
    socket.ping();
    await run({ client_id: 'half' });
    await sleep(100);
    expect([pongs, frames.length, socket.readyState]).toEqual([0, 1, WebSocket.OPEN]);
  });

  it('sends noise that no client knows, and goes on', async () => {
    const { frames } = await connect('noisy');
    await arm({ kind: 'noise' });
    await run({ client_id: 'noisy' });
    await sleep(50);
    expect(typesOf(frames)).toEqual(expect.arrayContaining(['vendor.gossip', 'not JSON']));
    expect(typesOf(frames).at(-1)).toBe('executing');
    expect(Math.max(...frames.map((frame) => frame.length))).toBeGreaterThan(2_000_000);
  });

  it('writes history late, and says so only then', async () => {
    const { frames } = await connect('late');
    await arm({ kind: 'late-history', ms: 400 });
    const id = await submit(sandbox.url, aGraph(), { client_id: 'late' });
    while (!typesOf(frames).includes('execution_success')) await sleep(5);
    expect(await getJson(sandbox.url, `/history/${id}`)).toEqual({});
    const succeededAt = Date.now();
    await finished(sandbox.url, id);
    expect(Date.now() - succeededAt).toBeGreaterThan(300);
  });

  it('wedges the worker: prompts wait while HTTP answers', async () => {
    await arm({ kind: 'wedge' });
    const id = await submit(sandbox.url, aGraph());
    await sleep(150);
    const queue = await getJson<Record<string, unknown[]>>(sandbox.url, '/queue');
    expect([queue['queue_running'], queue['queue_pending']]).toEqual([[], [expect.anything()]]);
    await send(sandbox.url, 'DELETE', '/__control/faults');
    expect(lastOf(await finished(sandbox.url, id))[0]).toBe('execution_success');
  });

  it('slows a node down', async () => {
    await arm({ kind: 'slow', node: 'EmptyImage', ms: 300 });
    const startedAt = Date.now();
    await run();
    expect(Date.now() - startedAt).toBeGreaterThan(290);
  });

  it('runs out of memory once, in the words of torch, and then runs the next', async () => {
    await arm({ kind: 'oom', node: '1' });
    const [type, data] = lastOf(await run());
    expect(type).toBe('execution_error');
    expect(data).toMatchObject({ exception_type: 'torch.OutOfMemoryError', node_id: '1' });
    expect(JSON.stringify(data)).toContain('ran out of memory on your GPU');
    expect(lastOf(await run())[0]).toBe('execution_success');
  });

  it('strikes always with times 0, and only after some matches with after', async () => {
    await arm({ kind: 'node-error', node: '2', message: 'broken', times: 0, after: 1 });
    const ends = [await run(), await run(), await run()].map((entry) => lastOf(entry)[0]);
    expect(ends).toEqual(['execution_success', 'execution_error', 'execution_error']);
  });

  it('hangs in a node that no interrupt reaches until it is freed', async () => {
    const own = await startSandbox({ control: true });
    await post(own.url, '/__control/faults', { kind: 'hang' });
    const id = await submit(own.url, aGraph());
    await sleep(100);
    await post(own.url, '/interrupt', { prompt_id: id });
    await sleep(100);
    expect(await getJson(own.url, '/prompt')).toEqual({ exec_info: { queue_remaining: 1 } });
    await send(own.url, 'DELETE', '/__control/faults');
    expect(lastOf(await finished(own.url, id))[0]).toBe('execution_interrupted');
    await own.stop();
  });

  it('hands out garbage, or nothing, in place of the result', async () => {
    await arm({ kind: 'garbage-output' });
    const garbage = (await run()).outputs['2']?.['images']?.[0];
    expect((await fetchFile(sandbox.url, garbage)).toString()).toBe('not a picture');
    await arm({ kind: 'missing-output' });
    const missing = (await run()).outputs['2']?.['images']?.[0];
    await expect(fetchFile(sandbox.url, missing)).rejects.toThrow('404');
  });

  it.each([500, 503])('answers a request with %i', async (status) => {
    await arm({ kind: 'http', path: '/queue', status });
    expect((await send(sandbox.url, 'GET', '/queue')).status).toBe(status);
    expect((await send(sandbox.url, 'GET', '/queue')).status).toBe(200);
  });

  it('queues a prompt and then loses the reply, with an error or in silence', async () => {
    await arm({ kind: 'lost-reply', status: 500 });
    const prompt_id = '11111111-1111-4111-8111-111111111111';
    const lost = await post(sandbox.url, '/prompt', { prompt: aGraph(), prompt_id });
    expect(lost.status).toBe(500);
    expect(lastOf(await finished(sandbox.url, prompt_id))[0]).toBe('execution_success');
    await arm({ kind: 'lost-reply', status: 0 });
    const id = '22222222-2222-4222-8222-222222222222';
    const silent = post(sandbox.url, '/prompt', { prompt: aGraph(), prompt_id: id });
    expect(await Promise.race([silent, sleep(300, 'silence')])).toBe('silence');
    expect(lastOf(await finished(sandbox.url, id))[0]).toBe('execution_success');
  });

  it('keeps a record of what ran', async () => {
    const id = await submit(sandbox.url, aGraph(), { client_id: 'recorder' });
    await finished(sandbox.url, id);
    const all = await getJson<Record<string, unknown>[]>(sandbox.url, '/__control/executions');
    const mine = all.find((execution) => execution['prompt_id'] === id);
    expect(mine).toMatchObject({ client_id: 'recorder', outcome: 'execution_success' });
    expect(mine?.['ended']).toBeGreaterThanOrEqual(Number(mine?.['started']));
  });
});

describe('a crash', () => {
  let dataDir: string;
  let sandbox: TestSandbox;
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'hom-crash-'));
    sandbox = await startSandbox({ control: true, dataDir });
  });
  afterEach(async () => {
    await sandbox.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const isDown = async () => {
    for (let tries = 0; tries < 200; tries += 1) {
      const answer = await send(sandbox.url, 'GET', '/prompt').catch(() => undefined);
      if (!answer) return true;
      await sleep(10);
    }
    return false;
  };

  it('comes at once when asked', async () => {
    await post(sandbox.url, '/__control/faults', { kind: 'crash' }).catch(() => undefined);
    expect(await isDown()).toBe(true);
  });

  it('comes at the n-th prompt, and takes queue and history with it', async () => {
    await post(sandbox.url, '/__control/faults', { kind: 'crash', after: 1 });
    const first = await submit(sandbox.url, aGraph());
    await finished(sandbox.url, first);
    await submit(sandbox.url, aGraph()).catch(() => undefined);
    expect(await isDown()).toBe(true);
    const again = await startSandbox({ control: true, dataDir });
    expect(await getJson(again.url, `/history/${first}`)).toEqual({});
    expect(await getJson(again.url, '/api/jobs')).toMatchObject({ jobs: [] });
    const answer = await post(again.url, '/prompt', { prompt: aGraph() });
    expect(JSON.parse(answer.text)).toMatchObject({ number: 0 });
    const files = (await finished(again.url, String(JSON.parse(answer.text).prompt_id))).outputs;
    expect(files['2']?.['images']?.[0]?.filename).toBe('f_00002_.png');
    await again.stop();
  });

  it('comes in the middle of a node', async () => {
    await post(sandbox.url, '/__control/faults', { kind: 'crash-in-node', node: 'SaveImage' });
    await submit(sandbox.url, aGraph());
    expect(await isDown()).toBe(true);
  });
});

describe('without --control', () => {
  it('offers neither the script nor the recorder’s nodes', async () => {
    const sandbox = await startSandbox();
    expect((await post(sandbox.url, '/__control/faults', { kind: 'crash' })).status).toBe(405);
    expect((await send(sandbox.url, 'GET', '/__control/executions')).status).toBe(404);
    expect(await getJson(sandbox.url, '/object_info/PeerSteps')).toEqual({});
    await sandbox.stop();
  });
});
