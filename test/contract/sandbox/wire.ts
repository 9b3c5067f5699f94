/** One HTTP request, byte for byte: fetch would mend paths and refuse some headers. */
import { request } from 'node:http';

export interface WireAnswer {
  readonly status: number;
  readonly type: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly bytes: Buffer;
  readonly text: string;
}

export const send = (
  base: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string | Buffer,
): Promise<WireAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const call = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          type: String(response.headers['content-type'] ?? ''),
          headers: response.headers,
          bytes,
          text: bytes.toString(),
        });
      });
    });
    call.on('error', reject);
    call.end(body);
  });

/** Posts JSON and reads JSON. */
export const post = async (base: string, path: string, json: unknown): Promise<WireAnswer> =>
  send(base, 'POST', path, { 'content-type': 'application/json' }, JSON.stringify(json));

export const getJson = async <T>(base: string, path: string): Promise<T> =>
  JSON.parse((await send(base, 'GET', path)).text) as T;
