import { readFile } from 'node:fs/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { projectPath } from './program.js';

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface FileJson {
  readonly id: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly width: number;
  readonly height: number;
  readonly url: string;
}

export interface JobJson {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly progress: { readonly percent: number; readonly step?: string };
  readonly queue: { readonly position: number } | null;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly inputs: readonly FileJson[];
  readonly outputs: readonly { readonly name: string; readonly file?: FileJson }[];
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly credits: { readonly reserved: number; readonly captured: number };
  readonly cancelRequested: boolean;
}

export interface EntryJson {
  readonly type: 'grant' | 'reserve' | 'capture' | 'release' | 'adjust';
  readonly availableDelta: number;
  readonly reservedDelta: number;
  readonly jobId?: string;
}

export interface StreamEvent {
  readonly id: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

export const CUP = projectPath('samples', 'product-coffee-cup.png');
export const PROMPT = 'on a white marble table in soft morning light';

/** A form with one picture and text fields. */
export const pictureForm = (
  field: string,
  bytes: Uint8Array<ArrayBuffer>,
  fields: Readonly<Record<string, string>> = {},
  name = 'picture.png',
): FormData => {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.set(key, value);
  form.set(field, new Blob([bytes], { type: 'image/png' }), name);
  return form;
};

export const bytesOf = async (file: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await readFile(file));

/** Anybody who calls the API, logged in or not. */
export class Visitor {
  email = '';
  token: string | undefined;

  constructor(readonly url: string) {}

  async logIn(email: string, password: string): Promise<void> {
    const { body } = await this.post<{ accessToken: string }>('/v1/auth/login', {
      email,
      password,
    });
    this.email = email;
    this.token = body.accessToken;
  }

  /** fetch as this person; the body may be anything that fetch takes. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.token && !headers.has('authorization')) {
      headers.set('authorization', `Bearer ${this.token}`);
    }
    return fetch(new URL(path, this.url), { redirect: 'manual', ...init, headers });
  }

  async call<Body = Record<string, unknown>>(
    path: string,
    init?: RequestInit,
  ): Promise<Answer<Body>> {
    const response = await this.fetch(path, init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const body = (isJson ? JSON.parse(text) : { text }) as Body;
    return { status: response.status, headers: response.headers, body };
  }

  get<Body = Record<string, unknown>>(path: string): Promise<Answer<Body>> {
    return this.call<Body>(path);
  }

  post<Body = Record<string, unknown>>(
    path: string,
    body?: FormData | object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<Body>> {
    if (body === undefined) return this.call<Body>(path, { method: 'POST', headers });
    if (body instanceof FormData) return this.call<Body>(path, { method: 'POST', body, headers });
    return this.call<Body>(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  /** Saves a picture (by default the cup) and returns it. */
  async upload(file = CUP): Promise<FileJson> {
    const form = pictureForm('file', await bytesOf(file));
    return (await this.post<FileJson>('/v1/files', form)).body;
  }

  /** Orders a product background of a saved picture. */
  order(
    imageId: string,
    headers: Readonly<Record<string, string>> = {},
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer<JobJson>> {
    const body = { imageId, prompt: PROMPT, ...fields };
    return this.post<JobJson>('/v1/comfy/product-backgrounds', body, headers);
  }

  async job(id: string): Promise<JobJson> {
    return (await this.get<JobJson>(`/v1/jobs/${id}`)).body;
  }

  async credits(): Promise<{ available: number; reserved: number }> {
    return (await this.get<{ available: number; reserved: number }>('/v1/credits')).body;
  }

  /** Oldest first. */
  async entries(): Promise<EntryJson[]> {
    const { body } = await this.get<{ items: EntryJson[] }>('/v1/credits/entries?limit=100');
    return body.items.toReversed();
  }

  async jobIds(): Promise<string[]> {
    const { body } = await this.get<{ items: { id: string }[] }>('/v1/jobs?limit=100');
    return body.items.map(({ id }) => id);
  }

  /** The events of a job as they come; ends when the server ends the stream. */
  async *events(
    jobId: string,
    { lastEventId, query = '' }: { lastEventId?: number; query?: string } = {},
  ): AsyncGenerator<StreamEvent> {
    const response = await this.fetch(`/v1/jobs/${jobId}/events${query}`, {
      headers: lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) },
    });
    if (response.status !== 200 || !response.body) {
      throw new Error(`The stream answered ${response.status}.`);
    }
    const stream = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { id, event, data } of stream) {
      yield {
        id: Number(id),
        type: event ?? 'message',
        data: JSON.parse(data) as Record<string, unknown>,
      };
    }
  }
}
