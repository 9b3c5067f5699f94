/**
 * Pending, running and history of the one worker (protocol §2.2, §2.4, §4).
 *
 * Pending is Python's binary heap on purpose: `GET /queue` shows heap order, and two entries with
 * the same number *and* the same id cannot be compared, which on the real server answers 500 for a
 * prompt that is queued all the same and later ends the worker for good (recording o-1).
 */

export type PromptTuple = readonly [
  number: number,
  promptId: string,
  prompt: Record<string, unknown>,
  extraData: Record<string, unknown>,
  outputs: readonly string[],
];

export interface HistoryEntry {
  prompt: PromptTuple;
  outputs: Record<string, unknown>;
  status: { status_str: 'success' | 'error'; completed: boolean; messages: [string, object][] };
  meta: Record<string, unknown>;
}

const MAX_HISTORY = 10_000;

const isBefore = (a: PromptTuple, b: PromptTuple): boolean => {
  if (a[0] !== b[0]) return a[0] < b[0];
  if (a[1] !== b[1]) return a[1] < b[1];
  throw new TypeError("'<' not supported between instances of 'dict' and 'dict'");
};

export class PromptQueue {
  private pending: PromptTuple[] = [];
  running: PromptTuple | undefined;
  readonly history = new Map<string, HistoryEntry>();
  private wake: (() => void) | undefined;

  /** `onChange` runs at every change of the queue's length: the `status` broadcast. */
  constructor(private readonly changed: () => void) {}

  get remaining(): number {
    return this.pending.length + (this.running ? 1 : 0);
  }

  /** Pending prompts in heap order, which is not run order. */
  listPending(): readonly PromptTuple[] {
    return this.pending;
  }

  /** Throws when the entry cannot be compared with its like; it stays queued nevertheless. */
  put(entry: PromptTuple): void {
    this.pending.push(entry);
    this.siftTowardsRoot(this.pending.length - 1, 0);
    this.changed();
    this.wake?.();
  }

  /** Waits for a prompt, then for the gate, and makes the first prompt the running one. */
  async take(gate: () => Promise<void>): Promise<PromptTuple> {
    do {
      while (this.pending.length === 0) {
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
      await gate();
    } while (this.pending.length === 0);
    const entry = this.pop();
    this.running = entry;
    this.changed();
    return entry;
  }

  /** Moves the running prompt into history in one step: a live prompt is always in one of the three. */
  finish(entry: HistoryEntry): void {
    this.running = undefined;
    const oldest = this.history.keys().next();
    if (this.history.size >= MAX_HISTORY && !oldest.done) this.history.delete(oldest.value);
    this.history.set(entry.prompt[1], entry);
    this.changed();
  }

  clear(): void {
    this.pending = [];
    this.changed();
  }

  /** Drops the first pending entry with this id; false if there is none. */
  delete(promptId: string): boolean {
    const index = this.pending.findIndex((entry) => entry[1] === promptId);
    if (index < 0) return false;
    this.pending.splice(index, 1);
    for (let at = (this.pending.length >> 1) - 1; at >= 0; at -= 1) this.siftTowardsLeaves(at);
    this.changed();
    return true;
  }

  private pop(): PromptTuple {
    const first = this.pending[0];
    const last = this.pending.pop();
    if (!first || !last) throw new RangeError('pop from an empty heap');
    if (this.pending.length > 0) {
      this.pending[0] = last;
      this.siftTowardsLeaves(0);
    }
    return first;
  }

  private at(index: number): PromptTuple {
    const entry = this.pending[index];
    if (!entry) throw new RangeError('index out of heap');
    return entry;
  }

  private siftTowardsRoot(from: number, root: number): void {
    const entry = this.at(from);
    let position = from;
    while (position > root) {
      const parent = (position - 1) >> 1;
      if (!isBefore(entry, this.at(parent))) break;
      this.pending[position] = this.at(parent);
      position = parent;
    }
    this.pending[position] = entry;
  }

  private siftTowardsLeaves(from: number): void {
    const end = this.pending.length;
    const entry = this.at(from);
    let position = from;
    for (let child = 2 * position + 1; child < end; child = 2 * position + 1) {
      const right = child + 1;
      if (right < end && !isBefore(this.at(child), this.at(right))) child = right;
      this.pending[position] = this.at(child);
      position = child;
    }
    this.pending[position] = entry;
    this.siftTowardsRoot(position, from);
  }
}
