/**
 * The one worker: takes prompts from the queue, runs each to its end and writes its history, with
 * the events in the order of protocol §3.3. Whatever throws outside a node ends the worker while
 * HTTP goes on answering, as on the real server (protocol §4.8).
 */
import type { NodeCatalogue } from './node-catalogue.js';
import { planOrder, signNodes, type Graph } from './node-order.js';
import { Interrupted, NodeInputs, type NodeLibrary, type NodeResult } from './nodes/node.js';
import type { HistoryEntry, PromptQueue, PromptTuple } from './prompt-queue.js';
import { ProgressReport, type Say } from './progress-report.js';
import { exceptionType, isRecord, messageOf } from './python.js';
import type { SocketHub } from './socket-hub.js';
import type { Folders } from './folders.js';

/** Where the fault script takes hold; each may wait or throw. */
export interface WorkerHooks {
  readonly beforePrompt: (promptId: string) => Promise<void>;
  readonly beforeNode: (promptId: string, nodeId: string, classType: string) => Promise<void>;
  readonly afterEnd: (promptId: string, outcome: string) => Promise<void>;
}

export interface WorkerOptions {
  readonly gpuMs: number | undefined;
  /** The server's `--preview-method`; a prompt may choose its own in `extra_data`. */
  readonly previewMethod: string;
  /** The cache is dropped after so long without a prompt, so that an idle server is small. */
  readonly cacheIdleMs: number;
}

export interface WorkerParts {
  readonly queue: PromptQueue;
  readonly hub: SocketHub;
  readonly catalogue: NodeCatalogue;
  readonly library: NodeLibrary;
  readonly folders: Folders;
  readonly hooks: WorkerHooks;
  readonly options: WorkerOptions;
}

const OUT_OF_MEMORY = 'torch.OutOfMemoryError';
const OUT_OF_MEMORY_TIP =
  '\nThis error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have accidentally set the batch_size to a large number.';

export class Worker {
  private cache = new Map<string, NodeResult>();
  private isInterruptRequested = false;
  private isFreeRequested = false;
  private clientId: string | undefined;
  private currentNode: string | undefined;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly parts: WorkerParts) {}

  /** Runs for ever; rejects when the worker dies. */
  async start(): Promise<never> {
    for (;;) {
      const entry = await this.parts.queue.take();
      clearTimeout(this.idleTimer);
      await this.run(entry);
      this.idleTimer = setTimeout(() => this.cache.clear(), this.parts.options.cacheIdleMs).unref();
    }
  }

  /** Interrupts the running prompt; with an id only if that one runs. False: nothing was running. */
  interrupt(promptId?: string): boolean {
    const running = this.parts.queue.running;
    if (promptId !== undefined && running?.[1] !== promptId) return false;
    this.isInterruptRequested = true;
    return running !== undefined;
  }

  /** Drops the node cache before the next prompt. */
  free(): void {
    this.isFreeRequested = true;
  }

  /** The node that runs for this client, for the message after a reconnect (protocol §3.4). */
  nodeRunningFor(sid: string): string | undefined {
    return this.clientId === sid ? this.currentNode : undefined;
  }

  private async run(entry: PromptTuple): Promise<void> {
    const { queue, hub, hooks } = this.parts;
    const [, promptId, prompt, extraData] = entry;
    const sid = clientIdOf(extraData);
    this.clientId = sid;
    await hooks.beforePrompt(promptId);
    this.isInterruptRequested = false;
    if (this.isFreeRequested) this.cache.clear();
    this.isFreeRequested = false;
    const messages: [string, object][] = [];
    const say: Say = (type, data, isForAll = false) => {
      const stamped = { ...data, prompt_id: promptId, timestamp: Date.now() };
      messages.push([type, stamped]);
      if (sid !== undefined || isForAll) hub.send(type, stamped, sid);
    };
    const history: HistoryEntry = {
      prompt: entry,
      outputs: {},
      status: { status_str: 'success', completed: true, messages },
      meta: {},
    };
    say('execution_start', {});
    const outcome = await this.runNodes(prompt as Graph, entry, history, say);
    await hooks.afterEnd(promptId, outcome);
    if (outcome !== 'execution_success') {
      history.status = { status_str: 'error', completed: false, messages };
    }
    this.currentNode = undefined;
    queue.finish(history);
    if (sid !== undefined) hub.send('executing', { node: null, prompt_id: promptId }, sid);
  }

  private async runNodes(graph: Graph, entry: PromptTuple, history: HistoryEntry, say: Say) {
    const { hub, catalogue, hooks } = this.parts;
    const [, promptId, , extraData, outputs] = entry;
    const sid = this.clientId;
    const signatures = await signNodes(graph, this.parts.folders);
    const isCached = (id: string) => this.cache.has(signatures.get(id) ?? '');
    say('execution_cached', { nodes: Object.keys(graph).filter(isCached) });
    const report = new ProgressReport(hub, promptId, sid);
    const executed: string[] = [];
    const fresh = new Map<string, NodeResult>();
    const recall = (id: string) => {
      const signature = signatures.get(id) ?? '';
      return fresh.get(signature) ?? this.cache.get(signature);
    };
    const keep = (id: string, ui: NodeResult['ui']) => {
      if (!ui) return;
      history.outputs[id] = ui;
      history.meta[id] = { node_id: id, display_node: id, parent_node: null, real_node_id: id };
    };
    const isOutput = (id: string) =>
      catalogue.find(graph[id]?.class_type ?? '')?.output_node === true;
    const order = planOrder(
      graph,
      outputs,
      isOutput,
      (id) => !outputs.includes(id) && isCached(id),
    );
    let current = '';
    try {
      for (const id of order) {
        const known = recall(id);
        if (known) {
          if (sid !== undefined) {
            const output = known.ui ?? null;
            hub.send('executed', { node: id, display_node: id, output, prompt_id: promptId }, sid);
          }
          keep(id, known.ui);
          fresh.set(signatures.get(id) ?? '', known);
          report.finish(id);
          continue;
        }
        current = id;
        this.currentNode = id;
        report.begin(id);
        const node = { node: id, display_node: id, prompt_id: promptId };
        if (sid !== undefined) hub.send('executing', node, sid);
        await hooks.beforeNode(promptId, id, graph[id]?.class_type ?? '');
        this.throwIfInterrupted();
        const result = await this.runNode(graph, id, extraData, report, recall);
        fresh.set(signatures.get(id) ?? '', result);
        keep(id, result.ui);
        if (result.ui && sid !== undefined) {
          hub.send('executed', { ...node, output: result.ui }, sid);
        }
        report.finish(id);
        executed.push(id);
      }
      say('execution_success', {});
    } catch (error) {
      const about = { node_id: current, node_type: graph[current]?.class_type, executed };
      if (error instanceof Interrupted) say('execution_interrupted', about, true);
      else say('execution_error', { ...about, ...this.describe(error, graph, current, recall) });
    }
    const outcome = history.status.messages.at(-1)?.[0] ?? '';
    // Seen in the recordings: an entry outlives no other prompt, unless that one failed.
    for (const [id, signature] of signatures) {
      const result = recall(id);
      if (result) fresh.set(signature, result);
    }
    this.cache = outcome === 'execution_error' ? new Map([...this.cache, ...fresh]) : fresh;
    return outcome;
  }

  private async runNode(
    graph: Graph,
    id: string,
    extraData: Record<string, unknown>,
    report: ProgressReport,
    recall: (id: string) => NodeResult | undefined,
  ): Promise<NodeResult> {
    const { library, folders, hub, options } = this.parts;
    const node = graph[id];
    const run = library[node?.class_type ?? ''];
    if (!node || !run) throw new Error(`the sandbox cannot execute ${node?.class_type}`);
    const asked = extraData['preview_method'];
    const method = typeof asked === 'string' && asked !== 'default' ? asked : options.previewMethod;
    const info = extraData['extra_pnginfo'];
    return run(new NodeInputs(resolveInputs(node.inputs, recall)), {
      nodeId: id,
      folders,
      embedded: { prompt: graph, ...(isRecord(info) ? info : {}) },
      gpuMs: options.gpuMs,
      wantsPreviews: method !== 'none',
      report: async (value, max, preview) => {
        this.throwIfInterrupted();
        await report.step(id, value, max, preview);
      },
      sayText: (text) => hub.sendText(id, text),
      sendPicture: (bytes) => report.sendPicture(id, { format: 'png', bytes }),
    });
  }

  private throwIfInterrupted(): void {
    if (!this.isInterruptRequested) return;
    this.isInterruptRequested = false;
    throw new Interrupted();
  }

  private describe(
    error: unknown,
    graph: Graph,
    id: string,
    recall: (id: string) => NodeResult | undefined,
  ): object {
    const type = exceptionType(error);
    const inputs = resolveInputs(graph[id]?.inputs ?? {}, recall);
    const texts = Object.entries(inputs).map(([name, value]) => [name, [describeValue(value)]]);
    return {
      exception_message: `${messageOf(error)}${type === OUT_OF_MEMORY ? OUT_OF_MEMORY_TIP : ''}\n`,
      exception_type: type,
      traceback: ['  File "<sandbox>/worker.ts", in execute\n'],
      current_inputs: Object.fromEntries(texts),
      current_outputs: Object.keys(graph),
    };
  }
}

const resolveInputs = (
  inputs: Readonly<Record<string, unknown>>,
  recall: (id: string) => NodeResult | undefined,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => {
      if (!Array.isArray(value)) return [name, value];
      return [name, recall(String(value[0]))?.outputs.at(Number(value[1]))];
    }),
  );

const describeValue = (value: unknown): string => {
  if (!isRecord(value)) return String(value);
  return 'width' in value ? `tensor(${value['width']}x${value['height']})` : `<${value['kind']}>`;
};

/** A client_id that is neither text nor number ends the process (recordings o-2, o-3). */
const clientIdOf = (extraData: Record<string, unknown>): string | undefined => {
  const id = extraData['client_id'];
  if (typeof id === 'object' && id !== null) process.exit(1);
  return id === undefined || id === null ? undefined : String(id);
};
