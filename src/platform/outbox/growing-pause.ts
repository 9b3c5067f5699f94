/** Pauses between attempts that keep failing: each twice as long as the last, up to `mostMs`, spread by up to a fifth. */
export class GrowingPause {
  private failures = 0;

  constructor(
    private readonly firstMs: number,
    private readonly mostMs: number,
  ) {}

  /** How long to wait after one more failure. */
  nextMs(random = Math.random()): number {
    const ms = Math.min(this.mostMs, this.firstMs * 2 ** Math.min(this.failures, 20));
    this.failures += 1;
    return ms * (1 - random / 5);
  }

  /** After a success: the next failure begins anew. */
  reset(): void {
    this.failures = 0;
  }
}
