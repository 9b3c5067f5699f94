import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { root, run, type Running } from './child.ts';

export const WORKFLOWS = path.join(root, 'bench', 'workflows');

/** When ComfyUI began and ended a prompt, by its own clock, in milliseconds. */
export interface Execution {
  readonly started: number;
  readonly ended?: number;
}

type PromptGraph = Record<string, { inputs: Record<string, unknown> }>;

/** A sandbox ComfyUI of the bench's own; `port` lets one that was stopped be found again. */
export const startComfy = async (
  folder: string,
  { port = 0, args = [] }: { port?: number; args?: readonly string[] } = {},
): Promise<Running & { url: string }> => {
  const running = await run(
    process.execPath,
    [
      path.join(root, 'dist/sandbox/main.js'),
      `--port=${port}`,
      '--host=127.0.0.1',
      `--data-dir=${folder}/comfy`,
      '--parent-pipe',
      '--control',
      ...args,
    ],
    { logFile: `${folder}/comfy.log`, ready: /"listening"/ },
  );
  const { listening } = JSON.parse(running.output()) as { listening: string };
  return { ...running, url: listening };
};

/** ComfyUI without us, running the graph of `bench/workflows/gpu`. */
export class DirectComfy {
  private salt = 500_000;
  private readonly url: string;
  private readonly graph: PromptGraph;

  private constructor(url: string, graph: PromptGraph) {
    this.url = url;
    this.graph = graph;
  }

  static async at(url: string): Promise<DirectComfy> {
    const text = await readFile(path.join(WORKFLOWS, 'gpu', 'graph.json'), 'utf8');
    return new DirectComfy(url, JSON.parse(text) as PromptGraph);
  }

  async upload(picture: Uint8Array<ArrayBuffer>): Promise<string> {
    const form = new FormData();
    form.set('image', new Blob([picture]), `${randomUUID()}.png`);
    const response = await fetch(`${this.url}/upload/image`, { method: 'POST', body: form });
    return ((await response.json()) as { name: string }).name;
  }

  /** Returns the prompt's id. */
  async post(name: string, sleepMs: number, clientId?: string): Promise<string> {
    const prompt = structuredClone(this.graph);
    Object.assign(prompt['1']?.inputs ?? {}, { image: name });
    Object.assign(prompt['2']?.inputs ?? {}, { step_ms: sleepMs, salt: (this.salt += 1) });
    const body = JSON.stringify({ prompt, ...(clientId && { client_id: clientId }) });
    const response = await fetch(`${this.url}/prompt`, { method: 'POST', body });
    return ((await response.json()) as { prompt_id: string }).prompt_id;
  }

  /** Fetches the prompt's picture; false while there is none. */
  async download(promptId: string): Promise<boolean> {
    const history = (await (await fetch(`${this.url}/history/${promptId}`)).json()) as Record<
      string,
      { outputs?: Record<string, { images?: Record<string, string>[] }> } | undefined
    >;
    const file = history[promptId]?.outputs?.['3']?.images?.[0];
    if (!file) return false;
    const response = await fetch(`${this.url}/view?${new URLSearchParams(file).toString()}`);
    await response.arrayBuffer();
    return true;
  }

  async executions(): Promise<Execution[]> {
    return (await (await fetch(`${this.url}/__control/executions`)).json()) as Execution[];
  }

  async untilEnded(count: number): Promise<void> {
    for (;;) {
      const ended = (await this.executions()).filter((one) => one.ended !== undefined).length;
      if (ended >= count) return;
      await pause(200);
    }
  }

  /** Calls back for each prompt of `clientId` that ends, by the socket. Returns how to stop. */
  async hearEnds(clientId: string, heard: (promptId: string) => void): Promise<() => void> {
    const socket = new WebSocket(`${this.url.replace('http', 'ws')}/ws?clientId=${clientId}`);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return;
      const message = JSON.parse(data.toString()) as { type: string; data: { prompt_id?: string } };
      if (message.type === 'execution_success') heard(message.data.prompt_id ?? '');
    });
    return () => socket.terminate();
  }
}
