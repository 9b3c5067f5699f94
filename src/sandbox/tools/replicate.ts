/**
 * Stand-in of Replicate's HTTP API with IDM-VTON as its one model: files, predictions with
 * `Prefer: wait`, cancel and list, and delivery addresses that end. What a prediction is now follows
 * from when it was made, so it goes on over a restart.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import {
  CATEGORIES,
  faultsOf,
  hasEnded,
  showPrediction,
  type Input,
  type PredictionRecord,
} from './replicate-prediction.js';
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
import type { TryOnPainter } from './try-on-painter.js';

export interface ReplicateStandInOptions {
  readonly folder: string;
  readonly token: string;
  /** From create to result. */
  readonly taskMs: number;
  /** After so long the result is removed. */
  readonly linkSeconds: number;
  readonly hasControl: boolean;
  readonly painter: TryOnPainter;
}

const MAX_BYTES = 100_000_000;
const PAGE = 100;
const ENDED = ['succeeded', 'failed', 'canceled', 'aborted'];
const MAX_WAIT_SECONDS = 60;
const POLL_MS = 50;

const refuse = (status: number, title: string, detail: string, more = {}): Reply => ({
  status,
  json: { title, detail, status, ...more },
});

export const createReplicate = (options: ReplicateStandInOptions): StandIn => {
  const { painter, taskMs } = options;
  const shelf = new Shelf(options.folder);
  const find = (id: string | undefined) => shelf.record<PredictionRecord>(`prediction-${id ?? ''}`);
  const keep = (record: PredictionRecord) => shelf.putRecord(`prediction-${record.id}`, record);
  const origin = () => `http://127.0.0.1:${(standIn.server.address() as AddressInfo).port}`;

  const guarded = (answer: (call: Call) => Reply | Promise<Reply>) => (call: Call) =>
    call.headers.authorization === `Bearer ${options.token}`
      ? answer(call)
      : refuse(401, 'Unauthenticated', 'You did not pass a valid authentication token');

  const upload = async (call: Call): Promise<Reply> => {
    const [file] = await filesOf(call, 'content');
    if (!file) return refuse(400, 'Bad request', 'Missing content');
    if (file.bytes.length > MAX_BYTES) return refuse(413, 'Too large', 'The file is too large');
    const id = shelf.put(file.bytes);
    return {
      status: 201,
      json: {
        id,
        name: file.name,
        content_type: `image/${pictureTypeOf(file.bytes) ?? 'octet-stream'}`,
        size: file.bytes.length,
        metadata: {},
        created_at: new Date().toISOString(),
        expires_at: new Date(Date.now() + 86_400_000).toISOString(),
        urls: { get: `${origin()}/v1/files/${id}` },
      },
    };
  };

  /** A file of ours or a data URI; the stand-in fetches nothing from anywhere. */
  const bytesAt = (address: unknown): Buffer | undefined => {
    if (typeof address !== 'string') return undefined;
    const [, data] = /^data:[^,]*;base64,(.*)$/s.exec(address) ?? [];
    const bytes =
      data === undefined ? shelf.get(address.split('/').at(-1) ?? '') : Buffer.from(data, 'base64');
    return bytes && pictureTypeOf(bytes) ? bytes : undefined;
  };

  const isOver = (record: PredictionRecord) => hasEnded(record, taskMs);
  const view = (record: PredictionRecord) =>
    showPrediction(record, { origin: origin(), taskMs, keepMs: options.linkSeconds * 1_000 });

  /** As it is at the end of the wait that was asked for. */
  const waited = async (record: PredictionRecord, prefer: string | undefined): Promise<Reply> => {
    const [, seconds] = /^wait(?:=(\d+))?$/.exec(prefer ?? '') ?? [];
    const limit = Math.min(MAX_WAIT_SECONDS, Number(seconds ?? MAX_WAIT_SECONDS)) * 1_000;
    const until = prefer === undefined ? 0 : Date.now() + limit;
    let shown = view(record);
    while (Date.now() < until && !ENDED.includes(shown.status)) {
      await sleep(POLL_MS);
      shown = view(find(record.id) ?? record);
    }
    return { status: 201, json: shown };
  };

  const create = (call: Call): Reply | Promise<Reply> => {
    const { version, input } = objectOf(call);
    if (typeof version !== 'string' || !/^[0-9a-f]{64}$/.test(version)) {
      const detail =
        "The specified version does not exist (or perhaps you don't have permission to use it?)";
      return refuse(422, 'Invalid version or not permitted', detail);
    }
    const given = typeof input === 'object' && input !== null ? { ...(input as Input) } : {};
    const faults = faultsOf(given);
    if (faults.length > 0) {
      const detail = faults.map((fault) => `- input.${fault}\n`).join('');
      return refuse(422, 'Input validation failed', detail, { invalid_fields: [] });
    }
    const scripted = standIn.takeTaskFault('create', call);
    const id = randomBytes(16).toString('hex').slice(0, 26);
    const record = {
      id,
      version,
      input: given,
      createdMs: Date.now(),
      hasPictures: [given['human_img'], given['garm_img']].every((one) => bytesAt(one)),
      ...(scripted && { scripted }),
    };
    keep(record);
    standIn.note(call, { id, marker: given['human_img'] });
    return waited(record, headerOf(call, 'prefer'));
  };

  const list = (call: Call): Reply => {
    const records = shelf
      .records<PredictionRecord>()
      .toSorted((a, b) => b.createdMs - a.createdMs || (a.id < b.id ? 1 : -1));
    const from = Number(call.query.get('cursor') ?? 0);
    const next =
      from + PAGE < records.length ? `${origin()}/v1/predictions?cursor=${from + PAGE}` : null;
    return { json: { next, previous: null, results: records.slice(from, from + PAGE).map(view) } };
  };

  const known = (answer: (record: PredictionRecord) => Reply) => (call: Call) => {
    const record = find(call.params[0]);
    return record ? answer(record) : { status: 404, json: { detail: 'Not found.', status: 404 } };
  };

  /** Too late is no error there. */
  const cancel = (record: PredictionRecord): Reply => {
    const now = isOver(record) ? record : { ...record, cancelledMs: Date.now() };
    keep(now);
    return { json: view(now) };
  };

  const deliver = async (call: Call): Promise<Reply> => {
    const record = find(call.params[0]);
    const { output } = record ? view(record) : { output: null };
    if (!record || output === null) return { status: 404 };
    const { input } = record;
    const [person, garment] = [bytesAt(input['human_img']), bytesAt(input['garm_img'])];
    if (!person || !garment) return { status: 404 };
    const name = `${record.id}.png`;
    const kept = shelf.get(name);
    if (kept) return { body: kept, headers: { 'content-type': 'image/png' } };
    const { result } = await painter.paint({
      person,
      garment,
      mask: bytesAt(input['mask_img']),
      category: CATEGORIES.find((one) => one === input['category']) ?? 'upper_body',
      isCropped: input['crop'] === true,
      format: 'png',
    });
    shelf.putAs(name, Buffer.from(result));
    return { body: Buffer.from(result), headers: { 'content-type': 'image/png' } };
  };

  const routes: Route[] = [
    { name: 'upload', method: 'POST', path: /^\/v1\/files$/, answer: guarded(upload) },
    { name: 'create', method: 'POST', path: /^\/v1\/predictions$/, answer: guarded(create) },
    { name: 'list', method: 'GET', path: /^\/v1\/predictions$/, answer: guarded(list) },
    {
      name: 'look',
      method: 'GET',
      path: /^\/v1\/predictions\/(\w+)$/,
      answer: guarded(known((record) => ({ json: view(record) }))),
    },
    {
      name: 'cancel',
      method: 'POST',
      path: /^\/v1\/predictions\/(\w+)\/cancel$/,
      answer: guarded(known(cancel)),
    },
    { name: 'result', method: 'GET', path: /^\/delivery\/(\w+)\/output\.png$/, answer: deliver },
  ];
  const standIn = new StandIn(routes, options.hasControl);
  return standIn;
};

const headerOf = ({ headers }: Call, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};
