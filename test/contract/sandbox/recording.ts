/** The recorded wire transcripts (format: test/fixtures/comfyui-recordings/README.md). */
import { readFileSync } from 'node:fs';

interface Part {
  readonly name: string;
  readonly filename?: string;
  readonly content_type?: string;
  readonly base64?: string;
  readonly value?: string;
}

export interface HttpLine {
  readonly kind: 'http';
  readonly t: number;
  readonly label?: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly json?: unknown;
    readonly text?: string;
    readonly multipart?: readonly Part[];
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly response?: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly json?: unknown;
    readonly text?: string;
    readonly body?: { readonly length: number; readonly sha256: string };
    readonly json_omitted?: unknown;
  };
}

export interface SocketLine {
  readonly kind: 'ws';
  readonly t: number;
  readonly conn: string;
  readonly dir: string;
  readonly path?: string;
  readonly json?: { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
  readonly text?: string;
  readonly binary?: { readonly length: number; readonly base64: string };
  readonly status?: number;
}

export type Line = HttpLine | SocketLine | { readonly kind: 'note' | 'meta'; readonly t?: number };

const FIXTURES = new URL('../../fixtures/comfyui-recordings/', import.meta.url);

export const readRecording = (name: string): Line[] =>
  readFileSync(new URL(`${name}.jsonl`, FIXTURES), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
