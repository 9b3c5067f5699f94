/**
 * What the way through the product costs a GPU whose work is a sleep.
 *
 * `gpu.backlog`: milliseconds per job of 100 waiting jobs (300 ms of sleep, 1 MB in, 1 MB out), from
 * ComfyUI's own timestamps, beside the same prompts posted straight into ComfyUI's queue.
 * `gpu.polling-worker`: the same for a plain worker that uploads, posts, asks once a second and
 * downloads, one job after the other.
 * `gpu.latency`: milliseconds from the POST of one trivial job on an idle system to its succeeded
 * event, beside a client that uploads, posts, hears the end on the socket and downloads.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import 'reflect-metadata';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import sharp from 'sharp';
import { WebSocket } from 'ws';
import { createApplication } from '../dist/application.js';
import { People } from '../dist/auth/index.js';
import { Config } from '../dist/config/index.js';
import { Ledger } from '../dist/credits/index.js';
import { startEmbedded } from '../dist/embedded/index.js';
import { startNodeService } from '../dist/embedded/node-service.js';
import { Database } from '../dist/platform/index.js';
import { figure, median } from './support/figure.ts';

const JOBS = 100;
const POLLED_JOBS = 15;
const TRIVIAL_JOBS = 30;
const SLEEP_MS = 300;
const SIDE = 590;
const WORKFLOWS = path.join(import.meta.dirname, 'workflows');

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Noise, which PNG cannot shrink: about 1 MB. */
const picture = () =>
  sharp(randomBytes(SIDE * SIDE * 3), { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();

/** ComfyUI without us. */
class Direct {
  salt = 500_000;

  constructor(url, graph) {
    this.url = url;
    this.graph = graph;
  }

  async upload(bytes) {
    const form = new FormData();
    form.set('image', new Blob([bytes]), `${randomUUID()}.png`);
    return (await (await fetch(`${this.url}/upload/image`, { method: 'POST', body: form })).json())
      .name;
  }

  async post(name, sleepMs, clientId) {
    const prompt = structuredClone(this.graph);
    prompt[1].inputs.image = name;
    Object.assign(prompt[2].inputs, { step_ms: sleepMs, salt: (this.salt += 1) });
    const body = JSON.stringify({ prompt, ...(clientId && { client_id: clientId }) });
    const response = await fetch(`${this.url}/prompt`, { method: 'POST', body });
    return (await response.json()).prompt_id;
  }

  async outputOf(id) {
    const entry = (await (await fetch(`${this.url}/history/${id}`)).json())[id];
    const file = entry?.outputs?.[3]?.images?.[0];
    if (!file) return undefined;
    const response = await fetch(`${this.url}/view?${new URLSearchParams(file)}`);
    return Buffer.from(await response.arrayBuffer());
  }

  async executions() {
    return (await fetch(`${this.url}/__control/executions`)).json();
  }

  async untilEnded(count) {
    for (;;) {
      const ended = (await this.executions()).filter((one) => one.ended).length;
      if (ended >= count) return;
      await pause(200);
    }
  }
}

/** Milliseconds per job between the first start and the last end of these executions. */
const perJob = (executions) =>
  (Math.max(...executions.map((one) => one.ended)) -
    Math.min(...executions.map((one) => one.started))) /
  executions.length;

class Client {
  salt = 0;

  constructor(url, token) {
    this.url = url;
    this.headers = { authorization: `Bearer ${token}` };
  }

  async upload(bytes) {
    const form = new FormData();
    form.set('file', new Blob([bytes]), 'noise.png');
    const response = await fetch(`${this.url}/v1/files`, {
      method: 'POST',
      body: form,
      headers: this.headers,
    });
    return (await response.json()).id;
  }

  async order(imageId, sleepMs) {
    const response = await fetch(`${this.url}/v1/comfy/workflows/bench-gpu/jobs`, {
      method: 'POST',
      headers: { ...this.headers, 'content-type': 'application/json' },
      body: JSON.stringify({ imageId, sleepMs, salt: (this.salt += 1) }),
    });
    if (response.status !== 202) throw new Error(await response.text());
    return (await response.json()).id;
  }

  async untilSucceeded(jobId) {
    const response = await fetch(`${this.url}/v1/jobs/${jobId}/events`, { headers: this.headers });
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { data } of events) {
      const { status } = JSON.parse(data);
      if (status === 'succeeded') return;
      if (status === 'failed' || status === 'cancelled') throw new Error(data);
    }
  }
}

const backlog = async (client, direct, pictures) => {
  const images = [];
  for (const bytes of pictures) images.push(await client.upload(bytes));
  const before = (await direct.executions()).length;
  const jobs = [];
  for (const imageId of images) jobs.push(await client.order(imageId, SLEEP_MS));
  for (const id of jobs) await client.untilSucceeded(id);
  const ours = (await direct.executions()).slice(before);

  const names = [];
  for (const bytes of pictures) names.push(await direct.upload(bytes));
  for (const name of names) await direct.post(name, SLEEP_MS);
  await direct.untilEnded(before + 2 * JOBS);
  const theirs = (await direct.executions()).slice(before + JOBS);
  return { ours: perJob(ours), theirs: perJob(theirs) };
};

const pollingWorker = async (direct, pictures) => {
  const before = (await direct.executions()).length;
  for (const bytes of pictures.slice(0, POLLED_JOBS)) {
    const id = await direct.post(await direct.upload(bytes), SLEEP_MS);
    while (!(await direct.outputOf(id))) await pause(1_000);
  }
  return perJob((await direct.executions()).slice(before));
};

const latencyOfClient = async (client, imageId) => {
  const times = [];
  for (let n = 0; n < TRIVIAL_JOBS; n += 1) {
    const begun = performance.now();
    await client.untilSucceeded(await client.order(imageId, 0));
    times.push(performance.now() - begun);
    await pause(300);
  }
  return median(times);
};

const latencyOfDirect = async (direct, bytes) => {
  const clientId = randomUUID();
  const socket = new WebSocket(`${direct.url.replace('http', 'ws')}/ws?clientId=${clientId}`);
  await new Promise((resolve) => socket.once('open', resolve));
  const ends = new Map();
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const { type, data: said } = JSON.parse(data);
    if (type === 'execution_success') ends.get(said.prompt_id)?.();
  });
  const times = [];
  for (let n = 0; n < TRIVIAL_JOBS; n += 1) {
    const begun = performance.now();
    const id = await direct.post(await direct.upload(bytes), 0, clientId);
    await new Promise((resolve) => {
      ends.set(id, resolve);
      setTimeout(resolve, 2_000).unref();
    });
    while (!(await direct.outputOf(id))) await pause(5);
    times.push(performance.now() - begun);
    await pause(300);
  }
  socket.terminate();
  return median(times);
};

const login = async (app, url) => {
  const email = 'bench@example.com';
  const password = 'a cup of coffee at 7';
  const { id } = await app.get(People).provision({ email, password, role: 'user' });
  await app.get(Ledger).grant({ userId: id, amount: 10_000, reason: 'bench' });
  const response = await fetch(`${url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  return (await response.json()).accessToken;
};

const untilReady = async (app) => {
  for (;;) {
    const row = await app
      .get(Database)
      .one(`SELECT bool_and(state = 'ready') AS ready FROM instances`);
    if (row?.ready) return;
    await pause(100);
  }
};

export const gpu = async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'hom-bench-gpu-'));
  const embedded = await startEmbedded({
    dataDir,
    services: ['postgres', 'sqs', 'ses'],
    mailboxPort: 0,
  });
  const comfy = await startNodeService({
    program: 'sandbox/main.js',
    args: [
      '--port=0',
      '--host=127.0.0.1',
      `--data-dir=${dataDir}/comfy`,
      '--parent-pipe',
      '--control',
    ],
    logFile: path.join(dataDir, 'sandbox.log'),
  });
  const environment = {
    NODE_ENV: 'test',
    ROLES: 'api,worker',
    PORT: '0',
    LOG_LEVEL: 'error',
    DATA_DIR: dataDir,
    RATE_LIMIT_SCALE: '1000',
    COMFYUI_URLS: comfy.ready.listening,
    WORKFLOWS_DIR: WORKFLOWS,
    JWT_KEY: randomUUID(),
    LINK_KEY: randomUUID(),
    ...embedded.environment,
  };
  try {
    const app = await createApplication(Config.from(environment));
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    await untilReady(app);
    const client = new Client(url, await login(app, url));
    const graph = JSON.parse(await readFile(path.join(WORKFLOWS, 'gpu', 'graph.json'), 'utf8'));
    const direct = new Direct(comfy.ready.listening, graph);
    const pictures = [];
    for (let n = 0; n < JOBS; n += 1) pictures.push(await picture());
    const latency = await latencyOfClient(client, await client.upload(pictures[0]));
    const directLatency = await latencyOfDirect(direct, pictures[0]);
    const { ours, theirs } = await backlog(client, direct, pictures);
    const polling = await pollingWorker(direct, pictures);
    await app.close();
    return [
      figure('gpu.backlog', ours, 'ms/job', { baseline: theirs, goal: '≤ 1.05 ×' }),
      figure('gpu.polling-worker', polling, 'ms/job', { baseline: theirs }),
      figure('gpu.latency', latency, 'ms', { baseline: directLatency, goal: '≤ + 60 ms' }),
    ];
  } finally {
    await comfy.stop();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};
