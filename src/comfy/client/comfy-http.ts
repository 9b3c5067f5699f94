import type { Readable } from 'node:stream';
import { request, type Dispatcher } from 'undici';
import type { Graph } from '../graph/index.js';
import {
  parseHistory,
  parseJson,
  parseObjectInfo,
  parsePromptAnswer,
  parseQueue,
  parseSystemStats,
  stringAt,
  type FileItem,
  type GraphFault,
  type HistoryEntry,
  type ObjectInfo,
  type QueueState,
} from '../protocol/index.js';
import { multipart } from './multipart.js';

/** ComfyUI did not answer, or not in time: nothing is known about what it did. */
export class ComfyUnreachable extends Error {
  /** No connection was made, so that it surely did nothing. */
  get isUnsent(): boolean {
    const { cause } = this;
    return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
  }
}

/** ComfyUI answered with a status that the call does not expect. */
export class ComfyRefused extends Error {
  constructor(
    readonly status: number,
    call: string,
  ) {
    super(`ComfyUI answered ${status} to ${call}`);
  }
}

const SHORT_MS = 10_000;
const OBJECT_INFO_MS = 60_000;
const UPLOAD_MS = 120_000;
const POST_PROMPT_MS = 10_000;

type Answer = Dispatcher.ResponseData;

interface Call {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  readonly signal?: AbortSignal | undefined;
}

const isOk = ({ statusCode }: Answer): boolean => statusCode >= 200 && statusCode < 300;

export interface PromptRequest {
  readonly promptId: string;
  readonly clientId: string;
  readonly graph: Graph;
}

/** ComfyUI's HTTP calls (comfyui-protocol §2), each with a time limit. No retries: the caller decides. */
export class ComfyHttp {
  constructor(
    readonly url: string,
    private readonly shortMs: number = SHORT_MS,
  ) {}

  /** Which prompts run and wait now. */
  async queue(): Promise<QueueState> {
    return parseQueue(await this.json('/queue'));
  }

  /** The finished prompt's entry, or undefined while there is none. */
  async history(promptId: string): Promise<HistoryEntry | undefined> {
    return parseHistory(await this.json(`/history/${promptId}`), promptId);
  }

  /** Safe to repeat; unknown ids are ignored. */
  async deleteHistory(promptId: string): Promise<void> {
    await this.send('/history', { delete: [promptId] });
  }

  /**
   * Queues a graph. Returns the faults of its validation; empty means accepted whole. Throws
   * {@link ComfyUnreachable} when it is not known whether the prompt was queued: look the id up.
   */
  async postPrompt({ promptId, clientId, graph }: PromptRequest): Promise<readonly GraphFault[]> {
    const answer = await this.call('POST', '/prompt', POST_PROMPT_MS, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        prompt: graph,
        prompt_id: promptId,
        client_id: clientId,
        extra_data: { preview_method: 'auto' },
      }),
    });
    const text = await this.textOf(answer);
    const { statusCode } = answer;
    if (statusCode !== 200 && statusCode !== 400) {
      // A 500 may come although the prompt was queued (§4.7), so it is not a refusal either.
      throw new ComfyUnreachable(`POST /prompt answered ${statusCode}`);
    }
    const { faults } = parsePromptAnswer(parseJson(text));
    if (statusCode === 400 && faults.length === 0) throw new ComfyRefused(400, 'POST /prompt');
    return faults;
  }

  /** Removes a waiting prompt; a running one is left alone. Safe to repeat. */
  async deletePending(promptId: string): Promise<void> {
    await this.send('/queue', { delete: [promptId] });
  }

  /**
   * Stops exactly this prompt, waiting or running. May be lost in the first millisecond of a run
   * (§2.3): repeat until the prompt has ended.
   */
  async cancel(promptId: string): Promise<void> {
    const answer = await this.call('POST', `/api/jobs/${promptId}/cancel`, this.shortMs);
    await this.textOf(answer);
    if (isOk(answer)) return;
    // Servers before 0.26 have no jobs API: the pending one is deleted, the running one interrupted by id.
    await this.deletePending(promptId);
    await this.send('/interrupt', { prompt_id: promptId });
  }

  /** Unloads models and frees memory between prompts, after an out-of-memory error. */
  async free(): Promise<void> {
    await this.send('/free', { unload_models: true, free_memory: true });
  }

  async objectInfo(): Promise<ObjectInfo> {
    return parseObjectInfo(await this.json('/object_info', OBJECT_INFO_MS));
  }

  async version(): Promise<string> {
    return parseSystemStats(await this.json('/system_stats')).version;
  }

  /**
   * Stores a picture in ComfyUI's temp folder, which it wipes at every start. Returns the value for
   * LoadImage. Safe to repeat: equal bytes under one name stay one file.
   */
  async upload(
    name: string,
    file: { stream: Readable; sizeBytes: number; mimeType: string },
  ): Promise<string> {
    const { body, headers } = multipart(
      { type: 'temp', overwrite: 'true' },
      { field: 'image', name, ...file },
    );
    const answer = await this.call('POST', '/upload/image', UPLOAD_MS, { headers, body });
    const text = await this.textOf(answer);
    if (!isOk(answer)) throw new ComfyRefused(answer.statusCode, 'POST /upload/image');
    const place = parseJson(text);
    const stored = stringAt(place, 'name') ?? name;
    const subfolder = stringAt(place, 'subfolder');
    return `${subfolder ? `${subfolder}/` : ''}${stored} [temp]`;
  }

  /** The bytes of an output, as a stream. Throws {@link ComfyRefused} 404 when the file is gone. */
  async view(item: FileItem, signal?: AbortSignal): Promise<Readable> {
    const query = new URLSearchParams({
      filename: item.filename,
      subfolder: item.subfolder,
      type: item.type,
    });
    const answer = await this.call('GET', `/view?${query.toString()}`, UPLOAD_MS, { signal });
    if (isOk(answer)) return answer.body;
    await this.textOf(answer);
    throw new ComfyRefused(answer.statusCode, 'GET /view');
  }

  private async json(path: string, limitMs = this.shortMs): Promise<unknown> {
    const answer = await this.call('GET', path, limitMs);
    const text = await this.textOf(answer);
    if (!isOk(answer)) throw new ComfyRefused(answer.statusCode, `GET ${path}`);
    return parseJson(text);
  }

  private async send(path: string, body: object): Promise<void> {
    const answer = await this.call('POST', path, this.shortMs, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    await this.textOf(answer);
    if (!isOk(answer)) throw new ComfyRefused(answer.statusCode, `POST ${path}`);
  }

  private async call(
    method: 'GET' | 'POST',
    path: string,
    limitMs: number,
    { headers = {}, body, signal: wish }: Call = {},
  ): Promise<Answer> {
    const limit = AbortSignal.timeout(limitMs);
    const signal = wish ? AbortSignal.any([limit, wish]) : limit;
    try {
      return await request(`${this.url}${path}`, {
        method,
        headers,
        body: body ?? null,
        signal,
      });
    } catch (error) {
      throw new ComfyUnreachable(`${method} ${path.split('?')[0]} failed`, { cause: error });
    }
  }

  private async textOf(answer: Answer): Promise<string> {
    try {
      return await answer.body.text();
    } catch (error) {
      throw new ComfyUnreachable('The answer of ComfyUI broke off', { cause: error });
    }
  }
}
