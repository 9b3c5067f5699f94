/** Just over what one message may take, and below what a stop of the process allows. */
const PATIENCE_MS = 9_000;

/** The work that a consumer has begun, so that a stop can wait for it: the library does not. */
export class InHand {
  private readonly work = new Set<Promise<unknown>>();
  private closed = false;

  get isClosed(): boolean {
    return this.closed;
  }

  /** Runs `begin` and remembers it until it ends. Throws once closed. */
  async run<T>(begin: () => Promise<T>): Promise<T> {
    if (this.closed) throw new Error('This process is stopping; another takes the message.');
    const work = begin();
    this.work.add(work);
    try {
      return await work;
    } finally {
      this.work.delete(work);
    }
  }

  /** Refuses new work and waits for what has begun, up to 9 s. */
  async close(): Promise<void> {
    this.closed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
    await Promise.race([Promise.allSettled(this.work), late]);
    clearTimeout(timer);
  }
}
