import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
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
    const reason: unknown = cause instanceof Error ? cause.cause : undefined;
    return reason instanceof Error && 'code' in reason && reason.code === 'ECONNREFUSED';
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
    return parseQueue(await this.json('GET', '/queue'));
  }

  /** The finished prompt's entry, or undefined while there is none. */
  async history(promptId: string): Promise<HistoryEntry | undefined> {
    return parseHistory(await this.json('GET', `/history/${promptId}`), promptId);
  }

  /** Safe to repeat; unknown ids are ignored. */
  async deleteHistory(promptId: string): Promise<void> {
    await this.send('POST', '/history', { delete: [promptId] });
  }

  /**
   * Queues a graph. Returns the faults of its validation; empty means accepted whole. Throws
   * {@link ComfyUnreachable} when it is not known whether the prompt was queued: look the id up.
   */
  async postPrompt({ promptId, clientId, graph }: PromptRequest): Promise<readonly GraphFault[]> {
    const response = await this.request('POST', '/prompt', POST_PROMPT_MS, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        prompt: graph,
        prompt_id: promptId,
        client_id: clientId,
        extra_data: { preview_method: 'auto' },
      }),
    });
    const text = await this.textOf(response);
    if (response.status !== 200 && response.status !== 400) {
      // A 500 may come although the prompt was queued (§4.7), so it is not a refusal either.
      throw new ComfyUnreachable(`POST /prompt answered ${response.status}`);
    }
    const { faults } = parsePromptAnswer(parseJson(text));
    if (response.status === 400 && faults.length === 0) throw new ComfyRefused(400, 'POST /prompt');
    return faults;
  }

  /** Removes a waiting prompt; a running one is left alone. Safe to repeat. */
  async deletePending(promptId: string): Promise<void> {
    await this.send('POST', '/queue', { delete: [promptId] });
  }

  /**
   * Stops exactly this prompt, waiting or running. May be lost in the first millisecond of a run
   * (§2.3): repeat until the prompt has ended.
   */
  async cancel(promptId: string): Promise<void> {
    const response = await this.request('POST', `/api/jobs/${promptId}/cancel`, this.shortMs, {});
    await this.textOf(response);
    if (response.ok) return;
    // Servers before 0.26 have no jobs API: the pending one is deleted, the running one interrupted by id.
    await this.deletePending(promptId);
    await this.send('POST', '/interrupt', { prompt_id: promptId });
  }

  /** Unloads models and frees memory between prompts, after an out-of-memory error. */
  async free(): Promise<void> {
    await this.send('POST', '/free', { unload_models: true, free_memory: true });
  }

  async objectInfo(): Promise<ObjectInfo> {
    return parseObjectInfo(await this.json('GET', '/object_info', OBJECT_INFO_MS));
  }

  async version(): Promise<string> {
    return parseSystemStats(await this.json('GET', '/system_stats')).version;
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
    const response = await this.request('POST', '/upload/image', UPLOAD_MS, {
      headers,
      body: Readable.toWeb(body) as ReadableStream<Uint8Array>,
      duplex: 'half',
    });
    const text = await this.textOf(response);
    if (!response.ok) throw new ComfyRefused(response.status, 'POST /upload/image');
    const answer = parseJson(text);
    const stored = stringAt(answer, 'name') ?? name;
    const subfolder = stringAt(answer, 'subfolder');
    return `${subfolder ? `${subfolder}/` : ''}${stored} [temp]`;
  }

  /** The bytes of an output, as a stream. Throws {@link ComfyRefused} 404 when the file is gone. */
  async view(item: FileItem, signal?: AbortSignal): Promise<Readable> {
    const query = new URLSearchParams({
      filename: item.filename,
      subfolder: item.subfolder,
      type: item.type,
    });
    const response = await this.request('GET', `/view?${query.toString()}`, UPLOAD_MS, {
      signal: signal ?? null,
    });
    if (!response.ok || !response.body) {
      await this.textOf(response);
      throw new ComfyRefused(response.status, 'GET /view');
    }
    return Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
  }

  private async json(method: string, path: string, limitMs = this.shortMs): Promise<unknown> {
    const response = await this.request(method, path, limitMs, {});
    const text = await this.textOf(response);
    if (!response.ok) throw new ComfyRefused(response.status, `${method} ${path}`);
    return parseJson(text);
  }

  private async send(method: string, path: string, body: object): Promise<void> {
    const response = await this.request(method, path, this.shortMs, {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    await this.textOf(response);
    if (!response.ok) throw new ComfyRefused(response.status, `${method} ${path}`);
  }

  private async request(
    method: string,
    path: string,
    limitMs: number,
    init: RequestInit & { duplex?: 'half' },
  ): Promise<Response> {
    const limit = AbortSignal.timeout(limitMs);
    const signal = init.signal ? AbortSignal.any([limit, init.signal]) : limit;
    try {
      return await fetch(`${this.url}${path}`, { ...init, method, signal });
    } catch (error) {
      throw new ComfyUnreachable(`${method} ${path.split('?')[0]} failed`, { cause: error });
    }
  }

  private async textOf(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw new ComfyUnreachable('The answer of ComfyUI broke off', { cause: error });
    }
  }
}
