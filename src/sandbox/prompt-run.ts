/** One run of one prompt: its nodes in order, with the events of protocol §3.3 and its history. */
import type { Faults } from './faults.js';
import type { Folders } from './folders.js';
import type { NodeCatalogue } from './node-catalogue.js';
import { planOrder, signNodes, type Graph } from './node-order.js';
import { isHandle, type Engine } from './engine.js';
import { Interrupted, type NodeResult } from './nodes/node.js';
import type { HistoryEntry, PromptTuple } from './prompt-queue.js';
import { ProgressReport } from './progress-report.js';
import { exceptionType, isRecord, messageOf, repr } from './python.js';
import type { SocketHub } from './socket-hub.js';

export interface RunParts {
  readonly hub: SocketHub;
  readonly catalogue: NodeCatalogue;
  readonly engine: Engine;
  readonly folders: Folders;
  readonly faults: Faults;
  readonly gpuMs: number | undefined;
  /** The server's `--preview-method`; a prompt may choose its own in `extra_data`. */
  readonly previewMethod: string;
}

/** What a node gave, with the id it had then: history's `meta` keeps showing that (recording c). */
type Kept = NodeResult & { readonly nodeId: string };
/** Results by content of the node. */
export type NodeCache = Map<string, Kept>;

const OUT_OF_MEMORY = 'torch.OutOfMemoryError';
const OUT_OF_MEMORY_TIP =
  '\nThis error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have accidentally set the batch_size to a large number.';

export class PromptRun {
  currentNode: string | undefined;
  private readonly promptId: string;
  private readonly graph: Graph;
  private readonly history: HistoryEntry;
  private readonly report: ProgressReport;
  private readonly fresh: NodeCache = new Map();
  private readonly executed: string[] = [];
  private signatures: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly entry: PromptTuple,
    readonly sid: string | undefined,
    private readonly cache: NodeCache,
    private readonly takeInterrupt: () => boolean,
    private readonly parts: RunParts,
  ) {
    this.promptId = entry[1];
    this.graph = entry[2] as Graph;
    const status = { status_str: 'success', completed: true, messages: [] } as const;
    this.history = { prompt: entry, outputs: {}, status: { ...status, messages: [] }, meta: {} };
    this.report = new ProgressReport(parts.hub, this.promptId, sid);
  }

  /** Runs to the end whatever it is; the caller then publishes the history entry. */
  async finish(): Promise<{ history: HistoryEntry; cache: NodeCache }> {
    const { history } = this;
    this.say('execution_start', {});
    this.signatures = signNodes(this.graph, this.parts.folders);
    const cached = Object.keys(this.graph).filter((id) => this.recall(id));
    this.say('execution_cached', { nodes: cached });
    try {
      for (const id of this.planNodes()) await this.visit(id);
      this.say('execution_success', {});
    } catch (error) {
      const { currentNode: id = '', executed } = this;
      const about = { node_id: id, node_type: this.graph[id]?.class_type, executed };
      if (error instanceof Interrupted) this.say('execution_interrupted', about, true);
      else this.say('execution_error', { ...about, ...this.describe(error, id) });
    }
    this.currentNode = undefined;
    const outcome = history.status.messages.at(-1)?.[0] ?? '';
    await this.parts.faults.afterEnd(outcome, history.outputs);
    if (outcome !== 'execution_success') {
      history.status = { ...history.status, status_str: 'error', completed: false };
    }
    return { history, cache: this.survivors(outcome) };
  }

  private say(type: string, data: object, isForAll = false): void {
    const stamped = { ...data, prompt_id: this.promptId, timestamp: Date.now() };
    this.history.status.messages.push([type, stamped]);
    if (this.sid !== undefined || isForAll) this.parts.hub.send(type, stamped, this.sid);
  }

  /** To the prompt's own client; nobody hears of it if there is none. */
  private tell(type: string, node: string, more: object = {}): void {
    const data = { node, display_node: node, ...more, prompt_id: this.promptId };
    if (this.sid !== undefined) this.parts.hub.send(type, data, this.sid);
  }

  private recall(id: string): Kept | undefined {
    const signature = this.signatures.get(id) ?? '';
    return this.fresh.get(signature) ?? this.cache.get(signature);
  }

  private planNodes(): string[] {
    const outputs = this.entry[4];
    const isOutput = (id: string) =>
      this.parts.catalogue.find(this.graph[id]?.class_type ?? '')?.output_node === true;
    const isDone = (id: string) => !outputs.includes(id) && this.recall(id) !== undefined;
    return planOrder(this.graph, outputs, isOutput, isDone);
  }

  private async visit(id: string): Promise<void> {
    const known = this.recall(id);
    if (known) {
      this.tell('executed', id, { output: known.ui ?? null });
      this.keep(id, known);
      this.report.finish(id);
      return;
    }
    this.currentNode = id;
    this.report.begin(id);
    this.tell('executing', id);
    if (this.takeInterrupt()) throw new Interrupted();
    await this.parts.faults.beforeNode(id, this.graph[id]?.class_type ?? '');
    const result = { ...(await this.execute(id)), nodeId: id };
    this.keep(id, result);
    if (result.ui) this.tell('executed', id, { output: result.ui });
    this.report.finish(id);
    this.executed.push(id);
  }

  private keep(id: string, result: Kept): void {
    this.fresh.set(this.signatures.get(id) ?? '', result);
    if (!result.ui) return;
    const { nodeId } = result;
    this.history.outputs[id] = result.ui;
    const meta = { node_id: nodeId, display_node: nodeId, parent_node: null, real_node_id: nodeId };
    this.history.meta[id] = meta;
  }

  private execute(id: string): Promise<NodeResult> {
    const { engine, hub, gpuMs, previewMethod } = this.parts;
    const { preview_method: asked, extra_pnginfo: info } = this.entry[3];
    const method = typeof asked === 'string' && asked !== 'default' ? asked : previewMethod;
    const order = {
      classType: this.graph[id]?.class_type ?? '',
      inputs: this.resolveInputs(id),
      embedded: { prompt: this.graph, ...(isRecord(info) ? info : {}) },
      gpuMs,
      wantsPreviews: method !== 'none',
    };
    return engine.run(order, {
      step: (value, max, preview) => {
        if (this.takeInterrupt()) return false;
        this.report.step(id, value, max, preview);
        return true;
      },
      text: (text) => hub.sendText(id, text),
      picture: (bytes) => this.report.sendPicture(id, { format: 'png', bytes }),
    });
  }

  private resolveInputs(id: string): Record<string, unknown> {
    const inputs = Object.entries(this.graph[id]?.inputs ?? {});
    const resolved = inputs.map(([name, value]) => {
      if (!Array.isArray(value)) return [name, value];
      return [name, this.recall(String(value[0]))?.outputs.at(Number(value[1]))];
    });
    return Object.fromEntries(resolved) as Record<string, unknown>;
  }

  private describe(error: unknown, id: string): object {
    const type = exceptionType(error);
    const hidden = this.parts.catalogue.find(this.graph[id]?.class_type ?? '')?.input['hidden'];
    const inputs = { ...this.resolveInputs(id), ...hidden };
    const texts = Object.entries(inputs).map(([name, value]) => [name, [describeValue(value)]]);
    return {
      exception_message: `${messageOf(error)}${type === OUT_OF_MEMORY ? OUT_OF_MEMORY_TIP : ''}\n`,
      exception_type: type,
      traceback: ['  File "<sandbox>/prompt-run.ts", in execute\n'],
      current_inputs: Object.fromEntries(texts) as object,
      current_outputs: Object.keys(this.graph),
    };
  }

  /** Seen in the recordings: a result outlives no other prompt, unless that one failed. */
  private survivors(outcome: string): NodeCache {
    if (!this.parts.engine.isAlive) return new Map();
    const results = outcome === 'execution_error' ? new Map(this.cache) : new Map<string, Kept>();
    for (const [id, signature] of this.signatures) {
      const result = this.recall(id);
      if (result) results.set(signature, result);
    }
    const outputs = [...results.values()].flatMap((result) => result.outputs);
    this.parts.engine.keep(outputs.filter(isHandle).map(({ handle }) => handle));
    return results;
  }
}

const describeValue = (value: unknown): string =>
  isHandle(value) ? `<${value.kind} ${value.handle}>` : repr(value);
