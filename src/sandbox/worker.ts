/**
 * The one worker: takes prompts from the queue and runs each to its history entry. Whatever throws
 * outside a node ends it while HTTP goes on answering, as on the real server (protocol §4.8).
 */
import { PromptRun, type NodeCache, type RunParts } from './prompt-run.js';
import type { PromptQueue, PromptTuple } from './prompt-queue.js';

/** After so long without a prompt an idle server makes itself small. */
const IDLE_MS = 20_000;

export class Worker {
  private cache: NodeCache = new Map();
  private run: PromptRun | undefined;
  private isInterruptRequested = false;
  private isFreeRequested = false;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly queue: PromptQueue,
    private readonly parts: RunParts,
  ) {}

  /** Runs for ever; rejects when the worker dies. */
  async start(): Promise<never> {
    for (;;) {
      const entry = await this.queue.take(() => this.parts.faults.beforeTake());
      clearTimeout(this.idleTimer);
      await this.execute(entry);
      this.idleTimer = setTimeout(() => this.rest(), IDLE_MS).unref();
    }
  }

  /** Interrupts the running prompt; with an id only if that one runs. False: nothing was running. */
  interrupt(promptId?: string): boolean {
    const running = this.queue.running;
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
    return this.run?.sid === sid ? this.run.currentNode : undefined;
  }

  /** The node cache goes with the process that holds the pictures. */
  private rest(): void {
    this.cache.clear();
    this.parts.engine.stop();
  }

  private async execute(entry: PromptTuple): Promise<void> {
    const [, promptId, , extraData] = entry;
    const sid = clientIdOf(extraData);
    await this.parts.faults.beforePrompt(promptId, sid);
    // The flag is cleared at the start: an interrupt a moment earlier is lost (recording p).
    this.isInterruptRequested = false;
    if (this.isFreeRequested) this.rest();
    this.isFreeRequested = false;
    const takeInterrupt = () => {
      const isRequested = this.isInterruptRequested;
      this.isInterruptRequested = false;
      return isRequested;
    };
    this.run = new PromptRun(entry, sid, this.cache, takeInterrupt, this.parts);
    const { history, cache } = await this.run.finish();
    this.run = undefined;
    this.cache = cache;
    this.queue.finish(history);
    if (sid !== undefined) {
      this.parts.hub.send('executing', { node: null, prompt_id: promptId }, sid);
    }
  }
}

/** A client_id that is neither text nor number ends the process (recordings o-2, o-3). */
const clientIdOf = (extraData: Readonly<Record<string, unknown>>): string | undefined => {
  const id = extraData['client_id'];
  if (typeof id === 'object' && id !== null) process.exit(1);
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
};
