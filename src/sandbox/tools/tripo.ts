/**
 * Stand-in of Tripo3D's v3 API: upload, create, look, list, balance, usage and signed result links.
 * What a task is now follows from when it was made, so it goes on over a restart.
 */
import { createHmac, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { ReliefMaker } from './relief-maker.js';
import {
  filesOf,
  objectOf,
  pictureTypeOf,
  StandIn,
  type Call,
  type Reply,
  type Route,
} from './server.js';
import { Shelf } from './shelf.js';

export interface TripoStandInOptions {
  readonly folder: string;
  readonly apiKey: string;
  /** From create to result. */
  readonly taskMs: number;
  readonly linkSeconds: number;
  readonly hasControl: boolean;
}

interface TaskRecord {
  readonly task_id: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly token: string;
  readonly createdMs: number;
  readonly cost: number;
  /** Scripted: overrides of the ended task, such as `{status: 'failed', error_code: 2008}`. */
  readonly scripted?: Readonly<Record<string, unknown>>;
}

const MODELS = ['v3.1-20260211', 'v3.0-20250812', 'v2.5-20250123', 'P1-20260311', 'P2-20260801'];
const NOT_FOR_P1 = ['quad', 'smart_low_poly', 'generate_parts', 'geometry_quality'];
const RESULTS: readonly [string, string] = ['model.glb', 'preview.webp'];
const MAX_BYTES = 20_000_000;
const START_BALANCE = 100_000;
const CONCURRENCY = 10;
const QUEUE_SHARE = 0.2;
const DEFAULT_FACES = 20_000;
const [MODEL, PREVIEW] = RESULTS;

const ok = (data: unknown): Reply => traced({ json: { code: 0, status: 'success', data } });
const traced = (reply: Reply): Reply => ({
  ...reply,
  headers: { 'x-tripo-trace-id': randomUUID(), ...reply.headers },
});
const refuse = (status: number, code: number, message: string, headers = {}): Reply =>
  traced({
    status,
    json: { code, status: 'error', message, suggestion: '', request_id: randomUUID() },
    headers,
  });

export const createTripo = (options: TripoStandInOptions): StandIn => {
  const shelf = new Shelf(options.folder);
  const maker = new ReliefMaker();
  const key = randomUUID();
  const isEnded = (task: TaskRecord) => Date.now() - task.createdMs >= options.taskMs;
  const hasFailed = (task: TaskRecord) => (task.scripted?.['status'] ?? 'success') !== 'success';

  const guarded = (answer: (call: Call) => Reply | Promise<Reply>) => (call: Call) =>
    call.headers.authorization === `Bearer ${options.apiKey}`
      ? answer(call)
      : refuse(401, 2, 'Authentication failed');

  const upload = async (call: Call): Promise<Reply> => {
    const [file] = await filesOf(call, 'file');
    if (!file || file.bytes.length === 0) return refuse(400, 2003, 'The file is empty');
    if (file.bytes.length > MAX_BYTES) return refuse(413, 2021, 'The file is too large');
    if (!pictureTypeOf(file.bytes)) return refuse(400, 2004, 'This file type is not supported');
    return ok({ file_token: shelf.put(file.bytes, 'file_') });
  };

  const create = (call: Call): Reply => {
    const body = objectOf(call);
    const token = typeof body['input'] === 'string' ? body['input'] : tokenIn(body['input']);
    const model = body['model'] ?? body['model_version'];
    if (token === undefined || model === undefined)
      return refuse(400, 1004, 'A parameter is invalid');
    if (typeof model !== 'string' || !MODELS.includes(model))
      return refuse(400, 2017, 'The model version is invalid');
    const isP1 = model.startsWith('P1');
    if (isP1 && NOT_FOR_P1.some((name) => name in body)) {
      return refuse(400, 1004, 'A parameter is not supported by this model');
    }
    if (!shelf.get(token)) return refuse(404, 2019, 'The file does not exist');
    const tasks = shelf.records<TaskRecord>();
    if (tasks.filter((task) => !isEnded(task)).length >= CONCURRENCY) {
      return refuse(429, 2000, 'You have exceeded the limit of concurrent tasks', {
        'retry-after': '1',
      });
    }
    const cost = body['texture'] === false ? 20 : 30;
    if (balance(tasks).balance < cost) return refuse(403, 2010, 'You have not enough credit');
    const scripted = standIn.takeTaskFault('create', call);
    const task: TaskRecord = {
      task_id: randomUUID(),
      input: body,
      token,
      createdMs: Date.now(),
      cost,
      ...(scripted && { scripted }),
    };
    shelf.putRecord(task.task_id, task);
    standIn.note(call, { id: task.task_id, marker: token });
    return ok({ task_id: task.task_id, type: 'image_to_model', status: 'queued' });
  };

  const balance = (tasks: readonly TaskRecord[]) => {
    const sum = (some: readonly TaskRecord[]) => some.reduce((all, task) => all + task.cost, 0);
    const frozen = sum(tasks.filter((task) => !isEnded(task)));
    const spent = sum(tasks.filter((task) => isEnded(task) && !hasFailed(task)));
    return { balance: START_BALANCE - spent - frozen, frozen };
  };

  const linkOf = (task: TaskRecord, name: string): string => {
    const { port } = standIn.server.address() as AddressInfo;
    const until = Date.now() + options.linkSeconds * 1_000;
    const path = `/results/${task.task_id}/${name}`;
    return `http://127.0.0.1:${port}${path}?until=${until}&sign=${signed(`${path}|${until}`)}`;
  };
  const signed = (text: string) => createHmac('sha256', key).update(text).digest('base64url');

  const view = (task: TaskRecord) => {
    const share = (Date.now() - task.createdMs) / options.taskMs;
    const base = {
      task_id: task.task_id,
      type: 'image_to_model',
      input: task.input,
      created_at: new Date(task.createdMs).toISOString(),
    };
    if (share < QUEUE_SHARE) return { ...base, status: 'queued', progress: 0, output: {} };
    if (share < 1) {
      return { ...base, status: 'running', progress: Math.floor(share * 100), output: {} };
    }
    const model = linkOf(task, MODEL);
    return {
      ...base,
      status: 'success',
      progress: 100,
      completed_at: new Date(task.createdMs + options.taskMs).toISOString(),
      credits_consumed: task.cost,
      output: {
        model_url: model,
        model_urls: [model],
        rendered_image_url: linkOf(task, PREVIEW),
      },
      ...task.scripted,
    };
  };

  const list = (call: Call): Reply => {
    const ids = objectOf(call)['task_ids'];
    const asked = Array.isArray(ids) ? ids.map(String) : [];
    const found = asked.flatMap((id) => shelf.record<TaskRecord>(id) ?? []);
    const known = found.map(({ task_id }) => task_id);
    return ok({ tasks: found.map(view), missed: asked.filter((id) => !known.includes(id)) });
  };

  const usage = (call: Call): Reply => {
    const tasks = shelf.records<TaskRecord>().toSorted((a, b) => b.createdMs - a.createdMs);
    const [offset, limit] = [
      Number(call.query.get('offset')),
      Number(call.query.get('limit') ?? 20),
    ];
    return ok({
      total: tasks.length,
      items: tasks.slice(offset, offset + Math.min(limit, 200)).map((task) => ({
        task_id: task.task_id,
        type: 'image_to_model',
        credits: task.cost,
        created_at: new Date(task.createdMs).toISOString(),
      })),
    });
  };

  const result = async (call: Call): Promise<Reply> => {
    // A key sent to a result's address would be a leaked one.
    if (call.headers.authorization !== undefined) return { status: 400 };
    const until = Number(call.query.get('until'));
    const isGood = call.query.get('sign') === signed(`${call.path}|${until}`);
    if (!isGood || until < Date.now()) return { status: 403 };
    const task = shelf.record<TaskRecord>(call.params[0] ?? '');
    const picture = task && shelf.get(task.token);
    if (!task || !picture) return { status: 404 };
    const name = call.params[1] ?? '';
    if (!RESULTS.includes(name)) return { status: 404 };
    return { body: shelf.get(`${task.task_id}.${name}`) ?? (await made(task, picture, name)) };
  };

  /** Made when it is fetched first, and kept. */
  const made = async (task: TaskRecord, picture: Buffer, name: string): Promise<Buffer> => {
    const { model, preview } = await maker.make({
      picture,
      maxFaces: Number(task.input['face_limit'] ?? DEFAULT_FACES),
      isTextured: task.input['texture'] !== false,
    });
    shelf.putAs(`${task.task_id}.${MODEL}`, model);
    shelf.putAs(`${task.task_id}.${PREVIEW}`, preview);
    return name === MODEL ? model : preview;
  };

  const routes: Route[] = [
    { name: 'upload', method: 'POST', path: /^\/v3\/files$/, answer: guarded(upload) },
    {
      name: 'create',
      method: 'POST',
      path: /^\/v3\/generation\/image-to-model$/,
      answer: guarded(create),
    },
    {
      name: 'look',
      method: 'GET',
      path: /^\/v3\/tasks\/([\w-]+)$/,
      answer: guarded((call) => {
        const task = shelf.record<TaskRecord>(call.params[0] ?? '');
        return task ? ok(view(task)) : refuse(404, 2001, 'The task is not found');
      }),
    },
    { name: 'list', method: 'POST', path: /^\/v3\/tasks\/list$/, answer: guarded(list) },
    {
      name: 'balance',
      method: 'GET',
      path: /^\/v3\/account\/balance$/,
      answer: guarded(() => ok(balance(shelf.records<TaskRecord>()))),
    },
    { name: 'usage', method: 'GET', path: /^\/v3\/account\/usage$/, answer: guarded(usage) },
    { name: 'result', method: 'GET', path: /^\/results\/([\w-]+)\/([\w.]+)$/, answer: result },
  ];
  const standIn = new StandIn(routes, options.hasControl);
  return standIn;
};

const tokenIn = (input: unknown): string | undefined => {
  if (typeof input !== 'object' || input === null) return undefined;
  const sources = ['file_token', 'url', 'object'].filter((name) => name in input);
  const token = 'file_token' in input ? input.file_token : undefined;
  return sources.length === 1 && typeof token === 'string' ? token : undefined;
};
