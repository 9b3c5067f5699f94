/**
 * What every stand-in of a provider shares: a route table over plain HTTP, a log of the calls, and
 * scripted faults. With `hasControl`, GET and DELETE `/__calls` read and empty the log and POST
 * `/__control` takes faults (an array of {@link Fault}; an empty one clears them).
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import type { ServerResponse } from 'node:http';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly params: readonly string[];
}

export interface Reply {
  readonly status?: number;
  readonly json?: unknown;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Writes the body itself, piece by piece. */
  readonly stream?: (response: ServerResponse) => Promise<void>;
}

export interface Route {
  /** For faults and the log. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: RegExp;
  readonly answer: (call: Call) => Reply | Promise<Reply>;
}

/**
 * One scripted mishap at the route named `on`, `times` times (1). `answer` replies in place of the
 * route; `after` lets the route act and then spoils its reply; `task` is for the next task made.
 */
export interface Fault {
  readonly on: string;
  readonly times?: number;
  /** Only for requests whose body contains this. */
  readonly bodyHas?: string;
  readonly answer?: {
    status: number;
    json?: unknown;
    text?: string;
    headers?: Record<string, string>;
  };
  /** `flood`: a never-ending body that begins as the real one. */
  readonly after?: 'reset' | 'hang' | 'html' | 'truncate' | 'flood';
  readonly delayMs?: number;
  /** Between what the route does and its reply. */
  readonly delayAfterMs?: number;
  readonly task?: Readonly<Record<string, unknown>>;
}

export interface LoggedCall {
  readonly at: number;
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly status: number;
  /** If it was JSON. */
  readonly body?: string;
  /** What the route wishes to be known of it, such as the task's id. */
  readonly note?: unknown;
}

const DROP = Buffer.alloc(1_000_000);
const PAGE = '<!doctype html><title>502</title><h1>Bad gateway</h1>';

export class StandIn {
  readonly server: Server;
  private readonly calls: LoggedCall[] = [];
  private faults: { fault: Fault; left: number }[] = [];
  private readonly notes = new WeakMap<Call, unknown>();

  constructor(
    private readonly routes: readonly Route[],
    private readonly hasControl: boolean,
  ) {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch(() => response.destroy());
    });
  }

  note(call: Call, note: unknown): void {
    this.notes.set(call, note);
  }

  /** The next scripted outcome for a task made at this route. */
  takeTaskFault(on: string, call: Call): Readonly<Record<string, unknown>> | undefined {
    return this.take(on, call, ({ task }) => task !== undefined)?.task;
  }

  private take(on: string, { body }: Call, suits: (fault: Fault) => boolean): Fault | undefined {
    const entry = this.faults.find(
      ({ fault, left }) =>
        left > 0 && fault.on === on && body.includes(fault.bodyHas ?? '') && suits(fault),
    );
    if (entry) entry.left -= 1;
    return entry?.fault;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in');
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    if (this.hasControl && url.pathname.startsWith('/__')) {
      return send(response, this.control(request.method ?? 'GET', url.pathname, body));
    }
    const method = request.method ?? 'GET';
    const route = this.routes.find((one) => one.method === method && one.path.test(url.pathname));
    const params = (route?.path.exec(url.pathname) ?? []).slice(1).map(decodeURIComponent);
    const { headers } = request;
    const call = { method, path: url.pathname, query: url.searchParams, headers, body, params };
    const name = route?.name ?? 'unknown';
    const fault = this.take(name, call, ({ task }) => task === undefined);
    if (fault?.delayMs) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    const reply = fault?.answer
      ? { ...fault.answer, ...(fault.answer.text && { body: Buffer.from(fault.answer.text) }) }
      : route
        ? await route.answer(call)
        : { status: 404, json: { detail: 'Not Found' } };
    this.log(call, name, reply);
    if (fault?.delayAfterMs)
      await new Promise((resolve) => setTimeout(resolve, fault.delayAfterMs));
    if (fault?.after) return spoil(response, reply, fault.after);
    await send(response, reply);
  }

  private log(call: Call, name: string, reply: Reply): void {
    const note = this.notes.get(call);
    this.calls.push({
      at: Date.now(),
      name,
      method: call.method,
      path: call.path,
      authorization: call.headers.authorization ?? null,
      status: reply.status ?? 200,
      ...(call.headers['content-type'] === 'application/json' && { body: call.body.toString() }),
      ...(note !== undefined && { note }),
    });
    if (!this.hasControl) this.calls.length = 0;
  }

  private control(method: string, path: string, body: Buffer): Reply {
    if (path === '/__calls') {
      if (method === 'DELETE') this.calls.length = 0;
      return { json: this.calls };
    }
    const faults = JSON.parse(body.toString()) as Fault[];
    if (faults.length === 0) this.faults = [];
    this.faults.push(...faults.map((fault) => ({ fault, left: fault.times ?? 1 })));
    return { json: {} };
  }
}

const bytesOf = (reply: Reply): Buffer =>
  reply.body ??
  (reply.json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(reply.json)));

const send = async (response: ServerResponse, reply: Reply): Promise<void> => {
  const type = reply.json === undefined ? {} : { 'content-type': 'application/json' };
  if (reply.stream) {
    response.writeHead(reply.status ?? 200, reply.headers);
    await reply.stream(response);
    return;
  }
  const bytes = bytesOf(reply);
  response.writeHead(reply.status ?? 200, {
    ...type,
    'content-length': bytes.length,
    ...reply.headers,
  });
  response.end(bytes);
};

const spoil = async (
  response: ServerResponse,
  reply: Reply,
  how: NonNullable<Fault['after']>,
): Promise<void> => {
  if (how === 'reset') response.socket?.resetAndDestroy();
  if (how === 'html') {
    await send(response, { body: Buffer.from(PAGE), headers: { 'content-type': 'text/html' } });
  }
  if (how === 'truncate') {
    const bytes = bytesOf(reply);
    response.writeHead(reply.status ?? 200, { ...reply.headers, connection: 'close' });
    response.end(bytes.subarray(0, Math.floor(bytes.length / 2)));
  }
  if (how === 'flood') {
    response.writeHead(reply.status ?? 200, reply.headers);
    response.write(bytesOf(reply));
    const pour = () => {
      while (!response.destroyed && response.write(DROP));
    };
    response.on('drain', pour);
    pour();
  }
};

/** The files of a multipart body, by the name of their part. */
export const filesOf = async (
  call: Call,
  part: string,
): Promise<{ name: string; bytes: Buffer }[]> => {
  const type = call.headers['content-type'] ?? '';
  const response = new Response(new Uint8Array(call.body), { headers: { 'content-type': type } });
  const form = await response.formData().catch(() => new FormData());
  const files = form.getAll(part).filter((entry) => typeof entry !== 'string');
  return Promise.all(
    files.map(async (file) => ({ name: file.name, bytes: Buffer.from(await file.arrayBuffer()) })),
  );
};

/** The JSON object of a body; an empty one for anything else. */
export const objectOf = (call: Call): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(call.body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};

/** `png`, `jpeg` or `webp` by first bytes; undefined: no picture that providers take. */
export const pictureTypeOf = (bytes: Buffer): 'png' | 'jpeg' | 'webp' | undefined => {
  if (bytes.subarray(1, 4).toString('latin1') === 'PNG') return 'png';
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return 'jpeg';
  return bytes.subarray(8, 12).toString('latin1') === 'WEBP' ? 'webp' : undefined;
};
