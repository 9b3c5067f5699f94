import { setTimeout as sleep } from 'node:timers/promises';
import type { ComfyEvent, HistoryEntry, NodeProgress } from '../protocol/index.js';
import type { ComfyHttp } from './comfy-http.js';

/** Hints on the way; each may be missing, late or doubled. */
export interface PromptObserver {
  /** ComfyUI shows the prompt running. May be called more than once. */
  onRunning(): void;
  onNode(nodeId: string): void;
  onProgress(nodes: readonly NodeProgress[]): void;
  onPreview(mimeType: string, bytes: Buffer): void;
}

/** The truth about how following ended. */
export type PromptEnd =
  | { readonly kind: 'ended'; readonly entry: HistoryEntry }
  /** In neither queue nor history: deleted, or ComfyUI was restarted. */
  | { readonly kind: 'lost' }
  /** ComfyUI did not answer for as long as we wait. */
  | { readonly kind: 'unreachable' };

/**
 * Hears of each end: how long after the socket's word HTTP showed it, undefined where the socket
 * had said nothing.
 */
export type CompletionObserver = (lagMs: number | undefined) => void;

interface Following {
  readonly promptId: string;
  readonly observer: PromptObserver;
  readonly settle: (end: PromptEnd) => void;
  isRunning: boolean;
  lastEventAt: number;
  wasHeardOf: boolean;
  /** When the socket announced the end; the history entry may come a moment later (§4.1). */
  endingAt: number | undefined;
  /** How often in a row it was seen in neither queue nor history. */
  absences: number;
  /** We asked for its removal: look often until it is seen gone, or seen running. */
  isDoubted: boolean;
}

export interface FollowerLimits {
  /** Poll pause while the socket speaks of everything that runs. */
  readonly calmMs: number;
  /** Poll pause while the socket is silent, absent or posted under another client id. */
  readonly alertMs: number;
  /** A running prompt without any frame for so long: the socket is not believed any more. */
  readonly silenceMs: number;
  /** After an announced end the history entry may be missing for so long. */
  readonly lateHistoryMs: number;
  readonly unreachableMs: number;
}

export const DEFAULT_LIMITS: FollowerLimits = {
  calmMs: 1_500,
  alertMs: 400,
  silenceMs: 2_500,
  lateHistoryMs: 10_000,
  unreachableMs: 60_000,
};

const ABSENCES_TO_BE_LOST = 2;
const ENDING_PAUSE_MS = 40;

/**
 * Follows prompts on one ComfyUI to their end. /queue then /history is the truth (§4.6), read at an
 * adaptive pace; socket events only make it faster. One loop serves all prompts of the instance.
 */
export class PromptFollower {
  private readonly following = new Map<string, Following>();
  private loop: Promise<void> | undefined;
  private wake: AbortController = new AbortController();
  private lastRunning: string | undefined;
  private unreachableSince: number | undefined;
  /** The last prompt that ended did so without a word on the socket: do not count on it. */
  private isSocketDoubted = false;
  private ranAt = -Infinity;

  constructor(
    private readonly http: ComfyHttp,
    private readonly limits: FollowerLimits = DEFAULT_LIMITS,
    private readonly onCompletion: CompletionObserver = () => undefined,
  ) {}

  /**
   * Resolves with the prompt's end. Call it after POST was answered, or for an id that may be known
   * to ComfyUI. Rejects when `signal` aborts; the prompt itself is then left as it is.
   */
  follow(promptId: string, observer: PromptObserver, signal: AbortSignal): Promise<PromptEnd> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.following.delete(promptId);
        reject(signal.reason as Error);
      };
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      this.following.set(promptId, {
        promptId,
        observer,
        isRunning: false,
        lastEventAt: performance.now(),
        wasHeardOf: false,
        endingAt: undefined,
        absences: 0,
        isDoubted: false,
        settle: (end) => {
          signal.removeEventListener('abort', stop);
          this.following.delete(promptId);
          resolve(end);
        },
      });
      this.loop ??= this.poll().finally(() => (this.loop = undefined));
    });
  }

  /** Feeds an event of the instance's socket. */
  hear(event: ComfyEvent): void {
    if (event.type === 'status') return;
    const promptId = event.promptId ?? (event.type === 'preview' ? this.lastRunning : undefined);
    const prompt = promptId === undefined ? undefined : this.following.get(promptId);
    if (!prompt) return;
    prompt.lastEventAt = performance.now();
    prompt.wasHeardOf = true;
    this.isSocketDoubted = false;
    switch (event.type) {
      case 'ending':
        return this.expectEnd(prompt);
      case 'executing':
        if (event.nodeId === null) return this.expectEnd(prompt);
        this.markRunning(prompt);
        return prompt.observer.onNode(event.nodeId);
      case 'progress':
        this.markRunning(prompt);
        return prompt.observer.onProgress(event.nodes);
      case 'preview':
        return prompt.observer.onPreview(event.mimeType, event.bytes);
      case 'started':
      case 'cached':
      case 'executed':
        return this.markRunning(prompt);
    }
  }

  /** When a prompt of ours was last found running, on the monotonic clock; never: -Infinity. */
  get lastRanAt(): number {
    return this.ranAt;
  }

  /** True while ComfyUI works on a prompt that is followed, as far as is known. */
  get isBusy(): boolean {
    return [...this.following.values()].some(
      (prompt) => prompt.isRunning && prompt.endingAt === undefined,
    );
  }

  /** True when something runs and the socket has not spoken of it for `silenceMs`. */
  get isSocketSilent(): boolean {
    const now = performance.now();
    return [...this.following.values()].some(
      (prompt) => prompt.isRunning && now - prompt.lastEventAt > this.limits.silenceMs,
    );
  }

  /** After a request to remove or stop a prompt: notice soon that it is gone. */
  doubt(promptId: string): void {
    const prompt = this.following.get(promptId);
    if (!prompt) return;
    prompt.isDoubted = true;
    this.wake.abort();
  }

  /** ComfyUI takes no prompt any more: gives up those that wait there, so that they move on. */
  abandonWaiting(): string[] {
    const waiting = [...this.following.values()].filter((prompt) => !prompt.isRunning);
    for (const prompt of waiting) prompt.settle({ kind: 'unreachable' });
    return waiting.map((prompt) => prompt.promptId);
  }

  private expectEnd(prompt: Following): void {
    prompt.endingAt ??= performance.now();
    this.wake.abort();
  }

  private markRunning(prompt: Following): void {
    this.lastRunning = prompt.promptId;
    if (prompt.isRunning) return;
    prompt.isRunning = true;
    this.ranAt = performance.now();
    prompt.observer.onRunning();
  }

  private get pauseMs(): number {
    const all = [...this.following.values()];
    if (all.some((prompt) => prompt.endingAt !== undefined || prompt.isDoubted)) {
      return ENDING_PAUSE_MS;
    }
    return this.isSocketSilent || this.isSocketDoubted || this.unreachableSince !== undefined
      ? this.limits.alertMs
      : this.limits.calmMs;
  }

  private async poll(): Promise<void> {
    while (this.following.size > 0) {
      try {
        await this.look();
        this.unreachableSince = undefined;
      } catch {
        this.unreachableSince ??= performance.now();
        if (performance.now() - this.unreachableSince > this.limits.unreachableMs) {
          for (const prompt of this.following.values()) prompt.settle({ kind: 'unreachable' });
        }
      }
      if (this.following.size === 0) return;
      await this.pause();
    }
  }

  private async pause(): Promise<void> {
    if (this.wake.signal.aborted) this.wake = new AbortController();
    await sleep(this.pauseMs, undefined, { signal: this.wake.signal }).catch(() => undefined);
  }

  private async look(): Promise<void> {
    const announced = [...this.following.values()].filter(
      (prompt) => prompt.endingAt !== undefined,
    );
    for (const prompt of announced) await this.readHistory(prompt);
    const present = [...this.following.values()];
    if (present.length === 0) return;
    const queue = await this.http.queue();
    for (const prompt of present) {
      if (queue.running.has(prompt.promptId)) {
        prompt.absences = 0;
        prompt.isDoubted = false;
        this.markRunning(prompt);
      } else if (queue.pending.has(prompt.promptId)) prompt.absences = 0;
      else if (!(await this.readHistory(prompt))) this.noteAbsence(prompt);
    }
  }

  private async readHistory(prompt: Following): Promise<boolean> {
    const entry = await this.http.history(prompt.promptId);
    if (entry) {
      this.ranAt = performance.now();
      if (!prompt.wasHeardOf) this.isSocketDoubted = true;
      const { endingAt } = prompt;
      this.onCompletion(endingAt === undefined ? undefined : performance.now() - endingAt);
      prompt.settle({ kind: 'ended', entry });
    }
    return entry !== undefined;
  }

  private noteAbsence(prompt: Following): void {
    const { endingAt } = prompt;
    if (endingAt !== undefined && performance.now() - endingAt < this.limits.lateHistoryMs) return;
    prompt.absences += 1;
    if (prompt.absences >= ABSENCES_TO_BE_LOST) prompt.settle({ kind: 'lost' });
  }
}
