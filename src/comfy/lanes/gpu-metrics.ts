import { Injectable } from '@nestjs/common';
import { counter, histogram } from '../../platform/index.js';

/** What a GPU's time goes to: `idle` is ready with nothing running, `away` is not usable. */
export type GpuState = 'busy' | 'idle' | 'away';

/** Figures about the GPUs that this process drives. */
@Injectable()
export class GpuMetrics {
  private readonly seconds = counter(
    'gpu_seconds_total',
    'Time of each GPU by what it was doing, sampled about once a second',
    ['instance', 'state'],
  );
  private readonly completions = counter(
    'gpu_completions_total',
    'Prompts that ended, by what told of it first',
    ['instance', 'seen_by'],
  );
  private readonly lag = histogram(
    'gpu_completion_lag_seconds',
    'From the socket telling of an end to HTTP showing it',
    ['instance'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  );

  spend(instance: string, state: GpuState, ms: number): void {
    this.seconds.inc({ instance, state }, ms / 1_000);
  }

  /** `lagMs` is undefined where the socket did not tell and the queue was looked at instead. */
  complete(instance: string, lagMs: number | undefined): void {
    this.completions.inc({ instance, seen_by: lagMs === undefined ? 'http' : 'socket' });
    if (lagMs !== undefined) this.lag.observe({ instance }, lagMs / 1_000);
  }
}
