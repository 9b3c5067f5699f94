import { download, type DownloadRules } from '../download.js';
import { field, itemsOf, numberOf, textOf } from '../json.js';
import {
  ProviderError,
  type ModelGenerator,
  type ModelRequest,
  type PreparedTask,
  type ProviderTask,
  type TaskResult,
} from '../provider.js';
import { ProviderHttp } from '../provider-http.js';
import { explainFailedTask, explainTripo } from './tripo-errors.js';
import { toTripo } from './tripo-options.js';

export interface TripoSettings {
  /** With the version, such as https://openapi.tripo3d.ai/v3. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Those that differ from {@link PATHS}. */
  readonly paths: Partial<typeof PATHS>;
  readonly timeoutMs: number;
  readonly downloads: DownloadRules;
}

const PATHS = {
  upload: '/files',
  create: '/generation/image-to-model',
  tasks: '/tasks',
  list: '/tasks/list',
  balance: '/account/balance',
  usage: '/account/usage',
};

/** How many of the newest tasks of our account are looked through for a lost one. */
const USAGE_LIMIT = 200;
const TASKS_PER_LIST = 100;

const dataOf = (body: unknown): unknown => field(body, 'data') ?? body;

/** Tripo3D in its v3 dialect. */
export class Tripo implements ModelGenerator {
  readonly name = 'tripo';
  readonly isFree = false;
  /** No cancel call is known. */
  readonly canCancel = false;
  private readonly http: ProviderHttp;
  private readonly paths: typeof PATHS;

  constructor(private readonly settings: TripoSettings) {
    this.paths = { ...PATHS, ...settings.paths };
    this.http = new ProviderHttp({
      baseUrl: settings.baseUrl,
      headers: { authorization: `Bearer ${settings.apiKey}` },
      timeoutMs: settings.timeoutMs,
      explain: explainTripo,
    });
  }

  get isAvailable(): boolean {
    return this.http.isAvailable;
  }

  /** The uploaded file's token is new at each upload: a task made of it is this order's alone. */
  async prepare({ image, options }: ModelRequest, signal: AbortSignal): Promise<PreparedTask> {
    const form = new FormData();
    const extension = image.mimeType.replace(/^image\//, '');
    const bytes = new Blob([new Uint8Array(image.bytes)], { type: image.mimeType });
    form.set('file', bytes, `picture.${extension}`);
    const answer = await this.http.json({ method: 'POST', path: this.paths.upload, form, signal });
    const token = textOf(dataOf(answer), 'file_token');
    if (token === undefined) throw new ProviderError('unavailable', 'The upload gave no token.');
    return { marker: token, body: { input: token, ...toTripo(options) } };
  }

  async create(prepared: PreparedTask): Promise<string> {
    const answer = await this.http.json({
      method: 'POST',
      path: this.paths.create,
      json: prepared.body,
      isPaid: true,
    });
    const taskId = textOf(dataOf(answer), 'task_id');
    if (taskId === undefined) throw new ProviderError('indeterminate', 'The task came without id.');
    return taskId;
  }

  /** Looks through the account's newest tasks for one made of the file with this token. */
  async find(marker: string, signal: AbortSignal): Promise<string | undefined> {
    const path = `${this.paths.usage}?limit=${USAGE_LIMIT}&offset=0`;
    const usage = dataOf(await this.http.json({ method: 'GET', path, signal }));
    const lists = [
      usage,
      ...['items', 'usage', 'usages', 'list', 'records', 'tasks'].map((name) => field(usage, name)),
    ];
    const entries = lists.flatMap((list) => (Array.isArray(list) ? itemsOf(list) : []));
    const ids = [...new Set(entries.flatMap((entry) => textOf(entry, 'task_id') ?? []))];
    for (let at = 0; at < ids.length; at += TASKS_PER_LIST) {
      const json = { task_ids: ids.slice(at, at + TASKS_PER_LIST) };
      const answer = await this.http.json({ method: 'POST', path: this.paths.list, json, signal });
      // An array in one source, a map by id in another.
      const tasks = itemsOf(field(dataOf(answer), 'tasks'));
      const ours = tasks.find((task) =>
        JSON.stringify(field(task, 'input') ?? null).includes(`"${marker}"`),
      );
      const id = textOf(ours, 'task_id');
      if (id !== undefined) return id;
    }
    return undefined;
  }

  async look(taskId: string, signal: AbortSignal): Promise<ProviderTask> {
    const path = `${this.paths.tasks}/${encodeURIComponent(taskId)}`;
    const task = dataOf(await this.http.json({ method: 'GET', path, signal }));
    switch (textOf(task, 'status')) {
      case 'queued':
        return { state: 'waiting' };
      case 'running':
        return { state: 'running', percent: numberOf(task, 'progress') ?? null };
      case 'success':
        return { state: 'succeeded', results: resultsOf(field(task, 'output')) };
      case 'cancelled':
        return { state: 'cancelled' };
      case 'banned':
        return {
          state: 'failed',
          error: new ProviderError('moderated', 'The picture was refused.'),
        };
      case 'failed':
      case 'expired':
        return { state: 'failed', error: failureOf(task) };
      default:
        return { state: 'unclear' };
    }
  }

  cancel(): Promise<void> {
    return Promise.reject(new ProviderError('invalid', 'Tripo3D cannot stop a task.'));
  }

  download(result: TaskResult, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return download(result, this.settings.downloads, signal);
  }

  async balance(signal: AbortSignal): Promise<number> {
    const answer = await this.http.json({ method: 'GET', path: this.paths.balance, signal });
    const balance = numberOf(dataOf(answer), 'balance');
    if (balance === undefined) throw new ProviderError('unavailable', 'The balance is missing.');
    return balance;
  }
}

const failureOf = (task: unknown): ProviderError => {
  const code = numberOf(task, 'error_code') ?? numberOf(field(task, 'error'), 'code');
  const message = textOf(task, 'error_message') ?? textOf(task, 'error_msg');
  return new ProviderError(explainFailedTask(code), message ?? 'The task failed.', {
    ...(code !== undefined && { code }),
  });
};

/** Names of both dialects, the merged address first. */
const resultsOf = (output: unknown): TaskResult[] => {
  const first = (...names: readonly string[]) =>
    names.map((name) => textOf(output, name)).find((url) => url !== undefined);
  const model = first('model_url', 'pbr_model', 'model', 'base_model');
  const preview = first('rendered_image_url', 'rendered_image');
  return [
    ...(model === undefined
      ? []
      : [{ name: 'model', url: model, form: 'model' as const, isOptional: false }]),
    ...(preview === undefined
      ? []
      : [{ name: 'preview', url: preview, form: 'picture' as const, isOptional: true }]),
  ];
};
