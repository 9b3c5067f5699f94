import type { ProviderTask } from '../provider.js';

const MOST = 1_000;

export interface SeenEvent<Context> {
  readonly context: Context;
  /** Its stream was open once; a second one would wait for ever. */
  wasHeard: boolean;
  outcome: ProviderTask | undefined;
}

/** The events that this process made at the application, the newest ones. */
export class SeenEvents<Context> {
  private readonly events = new Map<string, SeenEvent<Context>>();

  add(id: string, context: Context): void {
    this.events.set(id, { context, wasHeard: false, outcome: undefined });
    for (const oldest of this.events.keys()) {
      if (this.events.size <= MOST) return;
      this.events.delete(oldest);
    }
  }

  get(id: string): SeenEvent<Context> | undefined {
    return this.events.get(id);
  }
}
