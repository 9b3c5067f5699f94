import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  filesOf,
  parseBinaryFrame,
  parseHistory,
  parseObjectInfo,
  parsePromptAnswer,
  parseQueue,
  parseTextFrame,
  textOf,
  type ComfyEvent,
} from '../../../src/comfy/protocol/index.js';

const folder = 'test/fixtures/comfyui-recordings';

interface Line {
  readonly kind: string;
  readonly dir?: string;
  readonly json?: unknown;
  readonly binary?: { readonly length: number; readonly base64: string };
  readonly request?: { readonly method: string; readonly path: string; readonly json?: unknown };
  readonly response?: { readonly status: number; readonly json?: unknown };
}

const recordings = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => [
      name,
      readFileSync(path.join(folder, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line),
    ]),
);
const lines = (prefix: string): Line[] =>
  [...recordings].find(([name]) => name.startsWith(prefix))?.[1] ?? [];
const eventsOf = (all: readonly Line[]): ComfyEvent[] =>
  all
    .filter((line) => line.kind === 'ws' && line.dir === 'recv')
    .flatMap((line) => {
      const event = line.binary
        ? parseBinaryFrame(Buffer.from(line.binary.base64, 'base64'))
        : parseTextFrame(JSON.stringify(line.json));
      return event ?? [];
    });
const answers = (all: readonly Line[], method: string, pattern: RegExp): unknown[] =>
  all
    .filter((line) => line.request?.method === method && pattern.test(line.request.path))
    .flatMap((line) => line.response?.json ?? []);

describe('the wire of a real ComfyUI', () => {
  it('is read without an error, every frame of every recording', () => {
    for (const [name, all] of recordings) expect(() => eventsOf(all), name).not.toThrow();
    expect(recordings.size).toBeGreaterThan(15);
  });

  it('tells a prompt from its start to its end', () => {
    const events = eventsOf(lines('b-'));
    const types = events.map((event) => event.type);
    expect(types.indexOf('started')).toBeGreaterThan(-1);
    expect(types.indexOf('started')).toBeLessThan(types.indexOf('ending'));
    const end = events.find((event) => event.type === 'executing' && event.nodeId === null);
    expect(end).toMatchObject({ promptId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  it('gives previews of both kinds as pictures, with the prompt where it is told', () => {
    const previews = eventsOf(lines('n-')).filter((event) => event.type === 'preview');
    const magic = (bytes: Buffer) => bytes.subarray(0, 2).toString('hex');
    for (const preview of previews) {
      expect(magic(preview.bytes)).toBe(preview.mimeType === 'image/png' ? '8950' : 'ffd8');
    }
    expect(previews.some((preview) => preview.promptId !== undefined)).toBe(true);
    expect(previews.some((preview) => preview.promptId === undefined)).toBe(true);
    expect(new Set(previews.map((preview) => preview.mimeType)).size).toBe(2);
  });

  it('ignores garbage', () => {
    for (const text of ['', 'null', '[]', '{', '{"type":1}', '{"type":"progress","data":{}}']) {
      expect(parseTextFrame(text)).toBeUndefined();
    }
    for (const bytes of [
      [],
      [0, 0, 0, 4],
      [0, 0, 0, 4, 255, 255, 255, 255, 1],
      [0, 0, 0, 9, 1, 2, 3, 4, 5],
    ]) {
      expect(parseBinaryFrame(Buffer.from(bytes))).toBeUndefined();
    }
  });
});

describe('history', () => {
  const outcomes = (prefix: string) =>
    answers(lines(prefix), 'GET', /\/history\/[0-9a-f-]{36}$/).flatMap((body) =>
      Object.keys(body as object).flatMap((id) => parseHistory(body, id)?.outcome ?? []),
    );

  it('tells success, error and interrupt apart by the last message', () => {
    expect(outcomes('b-').map((outcome) => outcome.kind)).toContain('succeeded');
    expect(outcomes('f-').map((outcome) => outcome.kind)).toContain('interrupted');
    const failed = outcomes('e-').filter((outcome) => outcome.kind === 'failed');
    expect(failed.length).toBeGreaterThan(0);
    for (const { error } of failed) {
      expect(error.exceptionType).not.toBe('unknown');
      expect(error.message).toBe(error.message.trim());
    }
  });

  it('is undefined for a prompt that is not in it', () => {
    expect(parseHistory({}, 'x')).toBeUndefined();
  });

  it('gives files whatever the key, and texts', () => {
    const item = { filename: 'a.gif', subfolder: 'jobs', type: 'output', fullpath: '/srv/a.gif' };
    const outputs = { 80: { gifs: [item], animated: [true] }, 81: { text: ['one', 'two'] } };
    expect(filesOf(outputs, '80')).toEqual([
      { filename: 'a.gif', subfolder: 'jobs', type: 'output' },
    ]);
    expect(textOf(outputs, '81')).toBe('one\ntwo');
    expect(filesOf(outputs, '99')).toEqual([]);
  });
});

describe('POST /prompt', () => {
  it('has a fault for each refusal, and for each 200 that drops a part', () => {
    const all = lines('d-').filter(
      (line) => line.request?.method === 'POST' && line.request.path.endsWith('/prompt'),
    );
    expect(all.length).toBeGreaterThan(20);
    for (const line of all) {
      const { status, json } = line.response ?? {};
      if (json === undefined) continue;
      const isWhole =
        status === 200 && Object.keys((json as { node_errors: object }).node_errors).length === 0;
      expect(parsePromptAnswer(json).faults.length > 0, JSON.stringify(json).slice(0, 200)).toBe(
        !isWhole,
      );
    }
  });
});

describe('state', () => {
  it('lists the ids that run and wait', () => {
    const queues = answers(lines('f-'), 'GET', /\/queue$/).map(parseQueue);
    expect(queues.some((queue) => queue.running.size === 1)).toBe(true);
    expect(queues.some((queue) => queue.pending.size > 0)).toBe(true);
  });

  it('reads node classes with both shapes of combos', () => {
    const [info] = answers(lines('j-'), 'GET', /\/object_info\/LoadImage$/).map(parseObjectInfo);
    expect(info?.get('LoadImage')?.inputs.get('image')?.type).toBe('COMBO');
    const shapes = parseObjectInfo({
      Old: { name: 'Old', input: { required: { a: [['x', 'y'], {}] } }, output: ['IMAGE'] },
      New: {
        name: 'New',
        input: { required: { a: ['COMBO', { options: ['x', 'y'] }] } },
        output: [['p', 'q']],
      },
    });
    expect(shapes.get('Old')?.inputs.get('a')?.options).toEqual(['x', 'y']);
    expect(shapes.get('New')?.inputs.get('a')?.options).toEqual(['x', 'y']);
  });
});
