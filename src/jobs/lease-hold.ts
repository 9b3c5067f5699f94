import type { JobLease } from './job-lease.js';
import type { JobLeases } from './job-leases.js';
import { LeaseLost } from './jobs.errors.js';

/** Taken off a lease, so that our idea of its end is never later than the database's. */
const SAFETY = 0.1;

/**
 * Keeps a job's lease while it is worked on. The lease is believed only as long as the monotonic
 * clock says, counted from before the renewal was sent: a process that was stopped for a while finds
 * itself fenced before it writes.
 */
export class LeaseHold {
  private readonly lost = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private validUntil: number;
  private cancelRequested = false;
  private renewing: Promise<void> = Promise.resolve();

  constructor(
    readonly lease: JobLease,
    private readonly leases: JobLeases,
    private readonly onCancelRequested: () => void,
    private readonly onYieldRequested: () => void = () => undefined,
  ) {
    this.validUntil = this.deadlineFrom(performance.now());
    this.timer = setInterval(() => void this.renew(), (leases.leaseSeconds * 1_000) / 4);
  }

  /** Aborts with {@link LeaseLost} when the lease is gone. */
  get signal(): AbortSignal {
    return this.lost.signal;
  }

  get isCancelRequested(): boolean {
    return this.cancelRequested;
  }

  /** Throws {@link LeaseLost} unless the lease is surely still ours. Call right before each outside effect. */
  assertLive(): void {
    if (performance.now() >= this.validUntil) this.lose();
    this.lost.signal.throwIfAborted();
  }

  /**
   * Extends the lease and learns of wishes: to cancel, or to move to an idle instance. Resolves when
   * the row was read after this call, so that a wish which came before it is known then.
   */
  renew(): Promise<void> {
    return (this.renewing = this.renewing.then(() => this.renewNow()));
  }

  private async renewNow(): Promise<void> {
    if (this.lost.signal.aborted) return;
    const sentAt = performance.now();
    try {
      const { isHeld, isCancelRequested, isYieldRequested } = await this.leases.renew(this.lease);
      if (!isHeld) return this.lose();
      this.validUntil = this.deadlineFrom(sentAt);
      if (isCancelRequested && !this.cancelRequested) {
        this.cancelRequested = true;
        this.onCancelRequested();
      }
      if (isYieldRequested) this.onYieldRequested();
    } catch {
      // The database is away: the lease may still be ours until it runs out.
      if (performance.now() >= this.validUntil) this.lose();
    }
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private lose(): void {
    clearInterval(this.timer);
    if (!this.lost.signal.aborted) this.lost.abort(new LeaseLost(this.lease.jobId));
  }

  private deadlineFrom(moment: number): number {
    return moment + this.leases.leaseSeconds * 1_000 * (1 - SAFETY);
  }
}
