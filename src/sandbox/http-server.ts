/**
 * The HTTP side: a route table, each route twice (`/x` and `/api/x`), and the real server's manners
 * about origins, methods, body size and failures (protocol §1).
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import type { Duplex } from 'node:stream';

export interface Call {
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came: only who needs it in one piece joins it. */
  readonly chunks: readonly Buffer[];
  /** What the route's groups matched. */
  readonly params: readonly string[];
}

export const parseJson = (call: Call): unknown => JSON.parse(Buffer.concat(call.chunks).toString());

export interface Reply {
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Matched against the whole path, without `/api` unless the route is declared with it. */
  readonly path: RegExp;
  readonly answer: (call: Call) => Reply | Promise<Reply>;
}

/** Thrown by a route to leave a request unanswered: a fault. */
export class LeaveUnanswered extends Error {}

const IN_TROUBLE = '500 Internal Server Error\n\nServer got itself in trouble';
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

export interface HttpServerOptions {
  readonly routes: readonly Route[];
  readonly maxBodyBytes: number;
  /** A reply in place of the route's own, or none. */
  readonly intercept: (path: string) => Reply | undefined;
  readonly upgrade: (
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    query: URLSearchParams,
  ) => void;
}

export const createHttpServer = (options: HttpServerOptions): Server => {
  const server = createServer((request, response) => {
    void answer(options, request)
      .catch((error: unknown): Reply | undefined => {
        if (error instanceof LeaveUnanswered) return undefined;
        return { status: 500, text: IN_TROUBLE, headers: { connection: 'close' } };
      })
      .then((reply) => {
        if (!reply) return;
        const { type, bytes } = contentOf(reply);
        const headers = {
          server: 'sandbox',
          ...(type && { 'content-type': type }),
          ...reply.headers,
        };
        response.writeHead(reply.status ?? 200, { 'content-length': bytes.length, ...headers });
        response.end(request.method === 'HEAD' ? undefined : bytes);
      });
  });
  server.on('upgrade', (request, stream, head) => {
    const url = new URL(request.url ?? '/', 'http://sandbox');
    const path = url.pathname.replace(/^\/api(?=\/)/, '');
    if (path === '/ws' && isAllowedOrigin(request.headers)) {
      options.upgrade(request, stream, head, url.searchParams);
    } else {
      const status = path === '/ws' ? '403 Forbidden' : '404 Not Found';
      stream.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    }
  });
  return server;
};

const contentOf = (reply: Reply): { type: string | undefined; bytes: Buffer } => {
  if (reply.json !== undefined) {
    const bytes = Buffer.from(JSON.stringify(reply.json));
    return { type: 'application/json; charset=utf-8', bytes };
  }
  const type = reply.text === undefined ? undefined : 'text/plain; charset=utf-8';
  return { type, bytes: reply.body ?? Buffer.from(reply.text ?? '') };
};

const answer = async (options: HttpServerOptions, request: IncomingMessage): Promise<Reply> => {
  if (!isAllowedOrigin(request.headers)) return { status: 403 };
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const candidates = [url.pathname, url.pathname.replace(/^\/api(?=\/)/, '')];
  const matching = options.routes.filter(({ path }) => candidates.some((name) => path.test(name)));
  if (request.method === 'OPTIONS') return {};
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const intercepted = options.intercept(url.pathname);
  if (intercepted) return intercepted;
  const route = matching.find((candidate) => candidate.method === method);
  if (!route) {
    // The frontend's static files claim GET on every path, and no other method.
    if (method !== 'GET') return { status: 405, text: '405: Method Not Allowed' };
    return { status: 404, headers: { 'content-type': 'application/octet-stream' } };
  }
  const chunks = await readBody(request, options.maxBodyBytes);
  if (typeof chunks === 'number') {
    const limit = `Maximum request body size ${options.maxBodyBytes} exceeded`;
    return { status: 413, text: `${limit}, actual body size ${chunks}` };
  }
  const match = candidates.map((name) => route.path.exec(name)).find(Boolean);
  const params = (match ?? []).slice(1).map((part) => decodeURIComponent(part));
  return route.answer({ query: url.searchParams, headers: request.headers, chunks, params });
};

/** The body, or the number of bytes it has when that is too many. */
const readBody = async (request: IncomingMessage, maxBytes: number): Promise<Buffer[] | number> => {
  const announced = Number(request.headers['content-length'] ?? 0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size > maxBytes ? Math.max(size, announced) : chunks;
};

/** Without `--enable-cors-header`: nothing cross-site, and on a loopback name the origin must agree. */
const isAllowedOrigin = (headers: IncomingHttpHeaders): boolean => {
  if (headers['sec-fetch-site'] === 'cross-site') return false;
  if (!headers.origin || !headers.host || !URL.canParse(headers.origin)) return true;
  const host = new URL(`http://${headers.host}`);
  const origin = new URL(headers.origin);
  if (!LOOPBACK.test(host.hostname)) return true;
  const bothHavePorts = host.port !== '' && origin.port !== '';
  return host.hostname === origin.hostname && (!bothHavePorts || host.port === origin.port);
};
