import { CommandFailed } from '../command.js';

interface Problem {
  readonly code?: string;
  readonly detail?: string;
}

/** The body to send: JSON for a plain object, multipart for a form. */
type Body = FormData | Readonly<Record<string, unknown>>;

export interface StoredPicture {
  readonly id: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly sha256: string;
}

/** As much of a job as the demo looks at. */
export interface DemoJob {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly progress: { readonly percent: number; readonly step?: string };
  readonly outputs: readonly { readonly name: string; readonly file?: StoredPicture }[];
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly credits: { readonly reserved: number; readonly captured: number };
}

/**
 * The product's HTTP interface as a frontend would use it. Every refusal and every failure to reach
 * it becomes a {@link CommandFailed} that names the call, the status and the code.
 */
export class HouseClient {
  private token: string | undefined;

  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Sends this access token from now on. */
  useToken(token: string): void {
    this.token = token;
  }

  async get<Answer>(path: string): Promise<Answer> {
    return (await (await this.send('GET', path)).json()) as Answer;
  }

  async post<Answer>(path: string, body: Body): Promise<Answer> {
    return (await (await this.send('POST', path, body)).json()) as Answer;
  }

  async bytes(path: string): Promise<Buffer> {
    return Buffer.from(await (await this.send('GET', path)).arrayBuffer());
  }

  /** The open answer of an event stream; 204 when there is nothing more to tell. */
  events(path: string, lastEventId: string | undefined): Promise<Response> {
    return this.send('GET', path, undefined, {
      accept: 'text/event-stream',
      ...(lastEventId && { 'last-event-id': lastEventId }),
    });
  }

  private async send(
    method: string,
    path: string,
    body?: Body,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const isForm = body instanceof FormData;
    const init: RequestInit = {
      method,
      signal: this.signal,
      headers: {
        ...headers,
        ...(this.token && { authorization: `Bearer ${this.token}` }),
        ...(body && !isForm && { 'content-type': 'application/json' }),
      },
    };
    if (body) init.body = isForm ? body : JSON.stringify(body);
    const response = await fetch(`${this.url}${path}`, init).catch((error: unknown) => {
      this.signal.throwIfAborted();
      throw new CommandFailed(`${method} ${this.url}${path} got no answer: ${reasonOf(error)}.`);
    });
    if (!response.ok) throw await refusal(response, `${method} ${path}`);
    return response;
  }
}

/** fetch hides what happened in `cause`. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};

const refusal = async (response: Response, call: string): Promise<CommandFailed> => {
  const text = await response.text();
  const isProblem = response.headers.get('content-type')?.includes('json') ?? false;
  const { code, detail } = isProblem ? (JSON.parse(text) as Problem) : {};
  const wait = response.headers.get('retry-after');
  return new CommandFailed(
    `${call} answered ${[response.status, code].filter(Boolean).join(' ')}: ${detail ?? text.slice(0, 200)}${
      wait ? ` (try again in ${wait} s)` : ''
    }`,
  );
};
