import { setTimeout as delay } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { CommandFailed } from '../command.js';
import type { DemoJob, HouseClient } from './house-client.js';

/** What the stream has told so far. */
export interface Following {
  readonly status: DemoJob['status'];
  readonly percent: number;
  readonly step: string | undefined;
}

const PAUSE_MS = 500;
/** Connections in a row that end without a single event. */
const MAX_EMPTY = 20;
const ENDS: readonly string[] = ['succeeded', 'failed', 'cancelled'];

type EventData = Partial<DemoJob['progress']> & Pick<Partial<DemoJob>, 'status' | 'progress'>;

const after = (state: Following, type: string | undefined, data: EventData): Following => {
  if (type === 'preview') return state;
  const progress = data.progress ?? data;
  return {
    status: data.status ?? state.status,
    percent: data.status === 'succeeded' ? 100 : (progress.percent ?? state.percent),
    step: progress.step ?? state.step,
  };
};

/**
 * Tells the state of the job whenever it changes, until it has ended. A broken connection is taken up
 * again after the last event that arrived.
 */
export async function* followJob(
  house: HouseClient,
  jobId: string,
  signal: AbortSignal,
): AsyncGenerator<Following> {
  let state: Following = { status: 'queued', percent: 0, step: undefined };
  let lastEventId: string | undefined;
  for (let empty = 0; empty < MAX_EMPTY; empty++) {
    const response = await house.events(`/v1/jobs/${jobId}/events`, lastEventId);
    if (response.status === 204 || !response.body) return;
    try {
      const events = response.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      for await (const event of events) {
        empty = 0;
        lastEventId = event.id ?? lastEventId;
        state = after(state, event.event, JSON.parse(event.data) as EventData);
        yield state;
        if (ENDS.includes(state.status) && event.event !== 'snapshot') return;
      }
    } catch (error) {
      signal.throwIfAborted();
      // A cut connection is an ordinary thing in a long stream; anything else is our mistake.
      if (!(error instanceof TypeError)) throw error;
    }
    await delay(PAUSE_MS, undefined, { signal });
  }
  throw new CommandFailed(
    `The event stream of job ${jobId} ends again and again without an event.`,
  );
}
