/** Runs the production graphs on the sample photographs and measures what comes back. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { getJson, post, send } from './wire.js';

export type Graph = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

export interface FileItem {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}

export interface HistoryEntry {
  readonly outputs: Record<string, Record<string, FileItem[]>>;
  readonly status: { readonly status_str: string; readonly messages: [string, object][] };
}

const root = new URL('../../../', import.meta.url);
const graphs = JSON.parse(
  readFileSync(new URL('test/fixtures/sandbox/graphs.json', root), 'utf8'),
) as Record<string, Graph>;

export const sample = (name: string): Buffer => readFileSync(new URL(`samples/${name}.png`, root));

/** The graph as the production workflow has it, with other values for some inputs. */
export const graphOf = (
  name: string,
  values: Record<string, Record<string, unknown>> = {},
): Graph => {
  const graph = structuredClone(graphs[name] ?? {});
  for (const [id, inputs] of Object.entries(values)) Object.assign(graph[id]?.inputs ?? {}, inputs);
  return graph;
};

export const upload = async (url: string, name: string, bytes: Buffer): Promise<void> => {
  const head = `--b\r\nContent-Disposition: form-data; name="image"; filename="${name}"\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n--b--\r\n')]);
  await send(
    url,
    'POST',
    '/upload/image',
    { 'content-type': 'multipart/form-data; boundary=b' },
    body,
  );
};

export const submit = async (url: string, prompt: Graph, more: object = {}): Promise<string> => {
  const answer = await post(url, '/prompt', { prompt, ...more });
  const { prompt_id, node_errors } = JSON.parse(answer.text) as Record<string, unknown>;
  if (answer.status !== 200 || Object.keys(node_errors as object).length > 0) {
    throw new Error(`refused: ${answer.text}`);
  }
  return String(prompt_id);
};

export const finished = async (url: string, id: string): Promise<HistoryEntry> => {
  for (;;) {
    const history = await getJson<Record<string, HistoryEntry>>(url, `/history/${id}`);
    const entry = history[id];
    if (entry) return entry;
    await sleep(20);
  }
};

export const execute = async (url: string, prompt: Graph): Promise<HistoryEntry> =>
  finished(url, await submit(url, prompt));

export const fetchFile = async (url: string, item: FileItem | undefined): Promise<Buffer> => {
  const query = new URLSearchParams({ ...item });
  const answer = await send(url, 'GET', `/view?${query.toString()}`);
  if (answer.status !== 200) throw new Error(`/view answered ${answer.status}`);
  return answer.bytes;
};

/** The pixels at a size of the caller's: three bytes each, or one for a grey picture. */
export const pixelsOf = async (
  file: Buffer,
  { width, height }: { width: number; height: number },
  isGrey = false,
): Promise<Buffer> => {
  const sized = sharp(file).removeAlpha().resize(width, height, { fit: 'fill' });
  return (isGrey ? sized.greyscale().toColourspace('b-w') : sized).raw().toBuffer();
};

/** Intersection over union of two masks of one size. */
export const overlap = (found: Uint8Array, truth: Uint8Array): number => {
  let [both, either] = [0, 0];
  found.forEach((value, at) => {
    const [a, b] = [value > 127, (truth[at] ?? 0) > 127];
    if (a && b) both += 1;
    if (a || b) either += 1;
  });
  return both / either;
};

/** The share of pixels outside the mask whose channels differ by so much on average. */
export const shareChanged = (
  before: Uint8Array,
  after: Uint8Array,
  subject: Uint8Array,
  by: number,
): number => {
  let [changed, all] = [0, 0];
  subject.forEach((value, at) => {
    if (value > 127) return;
    let difference = 0;
    for (let channel = at * 3; channel < at * 3 + 3; channel += 1) {
      difference += Math.abs((before[channel] ?? 0) - (after[channel] ?? 0));
    }
    all += 1;
    if (difference / 3 >= by) changed += 1;
  });
  return changed / all;
};
