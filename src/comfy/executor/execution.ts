import type { LeaseHold } from '../../jobs/index.js';
import type { ComfyClient } from '../client/index.js';
import type { Workflow } from '../workflows/workflow.js';
import type { LaneTurn } from './turn.js';

export interface ExecutionInstance {
  readonly id: string;
  readonly client: ComfyClient;
  /** Which of several graphs of a workflow it runs. */
  variantOf(capability: string): string | undefined;
}

/** What an execution knows of its job; the row was read after the lease was taken. */
export interface Execution {
  readonly hold: LeaseHold;
  readonly workflow: Workflow;
  readonly userId: string;
  /** Which of several graphs of the workflow is, or would be, posted. */
  readonly variant: string | undefined;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Role → file id. */
  readonly inputs: ReadonlyMap<string, string>;
  readonly instance: ExecutionInstance;
  readonly turn: LaneTurn;
}

/** /queue first, then /history: the other order can miss a prompt that is just ending (§4.6). */
export const isKnownTo = async (client: ComfyClient, promptId: string): Promise<boolean> => {
  const queue = await client.http.queue();
  if (queue.running.has(promptId) || queue.pending.has(promptId)) return true;
  return (await client.http.history(promptId)) !== undefined;
};
