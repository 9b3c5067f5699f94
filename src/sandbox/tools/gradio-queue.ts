/**
 * Gradio's queue: events of sessions, one run at a time, messages kept per session until somebody
 * listens. Whoever stops listening loses the session and with it the event, as on the real server.
 */
import { randomUUID } from 'node:crypto';

export type Message = Readonly<Record<string, unknown>> & { readonly msg: string };

/** What the application's function raised; null: its words are not shown to callers. */
export class FunctionFailed extends Error {
  constructor(readonly shown: string | null) {
    super(shown ?? 'the function failed');
  }
}

interface Session {
  readonly messages: Message[];
  readonly pending: Set<string>;
  wake: () => void;
}

interface Event {
  readonly id: string;
  readonly session: string;
  readonly run: () => Promise<readonly unknown[]>;
}

export const HEARTBEAT_MS = 15_000;

export class GradioQueue {
  private readonly sessions = new Map<string, Session>();
  private readonly waiting: Event[] = [];
  private running: Event | undefined;

  constructor(
    private readonly maxSize: number,
    /** Gradio 6 tells more of a failure than 4. */
    private readonly isTalkative: boolean,
  ) {}

  /** Undefined: the queue is full. */
  join(session: string, run: Event['run']): string | undefined {
    if (this.waiting.length >= this.maxSize) return undefined;
    const id = randomUUID().replaceAll('-', '');
    const event = { id, session, run };
    const entry = this.sessions.get(session) ?? {
      messages: [],
      pending: new Set<string>(),
      wake: () => undefined,
    };
    entry.pending.add(id);
    this.sessions.set(session, entry);
    this.waiting.push(event);
    this.tell(event, {
      msg: 'estimation',
      rank: this.waiting.length - 1,
      queue_size: this.waiting.length,
      rank_eta: null,
    });
    void this.work();
    return id;
  }

  /** The messages of a session until its last event has ended. Ends early when `isGone`. */
  async *listen(sessionId: string, isGone: () => boolean): AsyncGenerator<Message> {
    const session = this.sessions.get(sessionId);
    if (!session) {
      yield { msg: 'unexpected_error', message: '404: Session not found.', success: false };
      return;
    }
    while (!isGone()) {
      const message = session.messages.shift();
      if (!message) {
        await this.nextOf(session);
        if (session.messages.length === 0 && !isGone()) yield { msg: 'heartbeat' };
        continue;
      }
      yield message;
      if (message.msg !== 'process_completed') continue;
      session.pending.delete(String(message['event_id']));
      if (session.pending.size > 0) continue;
      this.sessions.delete(sessionId);
      yield { msg: 'close_stream', event_id: null };
      return;
    }
  }

  /** The listener has gone: what waits is dropped, what runs is run for nobody. */
  drop(sessionId: string): void {
    this.sessions.delete(sessionId);
    const kept = this.waiting.filter(({ session }) => session !== sessionId);
    this.waiting.splice(0, this.waiting.length, ...kept);
  }

  /** Ends the stream of an event that is cancelled. */
  cancel(sessionId: string, eventId: string): void {
    const session = this.sessions.get(sessionId);
    if (!session?.pending.has(eventId)) return;
    const kept = this.waiting.filter(({ id }) => id !== eventId);
    this.waiting.splice(0, this.waiting.length, ...kept);
    this.send(session, { msg: 'process_completed', event_id: eventId, output: {}, success: true });
  }

  private nextOf(session: Session): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, HEARTBEAT_MS);
      session.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Wakes a listener whose connection has closed. */
  wake(sessionId: string): void {
    this.sessions.get(sessionId)?.wake();
  }

  private tell(event: Event, message: Message): void {
    const session = this.sessions.get(event.session);
    if (session) this.send(session, { ...message, event_id: event.id });
  }

  private send(session: Session, message: Message): void {
    session.messages.push(message);
    session.wake();
  }

  private async work(): Promise<void> {
    if (this.running) return;
    for (let event = this.waiting.shift(); event; event = this.waiting.shift()) {
      this.running = event;
      const began = Date.now();
      this.tell(event, { msg: 'process_starts', eta: null });
      const outcome = await event.run().then(
        (data) => ({ output: this.outputOf(data, began), success: true }),
        (error: unknown) => ({ output: this.errorOf(error), success: false }),
      );
      this.tell(event, { msg: 'process_completed', ...outcome });
      this.running = undefined;
    }
  }

  private outputOf(data: readonly unknown[], began: number) {
    const duration = (Date.now() - began) / 1_000;
    return { data, is_generating: false, duration, average_duration: duration };
  }

  private errorOf(error: unknown) {
    const shown = error instanceof FunctionFailed ? error.shown : null;
    if (!this.isTalkative) return { error: shown };
    return { error: shown, title: 'Error', visible: true, duration: 10 };
  }
}
