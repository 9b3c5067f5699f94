import type { NodeProgress } from '../protocol/index.js';
import type { Step } from '../workflows/workflow.js';

export interface Reading {
  /** 0 to 100 over the whole prompt. */
  readonly percent: number;
  readonly step: string | null;
}

/**
 * Turns node events into one percentage: each step has its weight, shared by its nodes, and a node
 * that reports values counts in part. Never goes back. Pure state, no clock.
 */
export class ProgressMeter {
  private readonly shares = new Map<string, number>();
  private readonly words = new Map<string, string>();
  private readonly done = new Map<string, number>();
  private current: string | undefined;
  private best = 0;

  constructor(steps: readonly Step[]) {
    const total = steps.reduce((sum, step) => sum + step.weight, 0);
    for (const step of steps) {
      for (const nodeId of step.nodeIds) {
        this.shares.set(nodeId, (100 * step.weight) / total / step.nodeIds.length);
        this.words.set(nodeId, step.words);
      }
    }
  }

  /** A node begins: the one before it is complete. */
  enter(nodeId: string): void {
    if (this.current !== undefined && this.current !== nodeId) this.done.set(this.current, 1);
    this.current = nodeId;
  }

  report(nodes: readonly NodeProgress[]): void {
    for (const { nodeId, value, max, isFinished } of nodes) {
      if (!isFinished) this.current = nodeId;
      const part = isFinished || max <= 0 ? Number(isFinished) : Math.min(1, value / max);
      this.done.set(nodeId, Math.max(this.done.get(nodeId) ?? 0, part));
    }
  }

  get reading(): Reading {
    let percent = 0;
    for (const [nodeId, part] of this.done) percent += part * (this.shares.get(nodeId) ?? 0);
    this.best = Math.max(this.best, Math.min(100, percent));
    return { percent: this.best, step: this.words.get(this.current ?? '') ?? null };
  }
}
