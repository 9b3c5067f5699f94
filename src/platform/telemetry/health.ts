import { Injectable } from '@nestjs/common';
import { Shutdown } from '../http/shutdown.js';
import { within } from '../time-limit.js';

const LIMIT_SECONDS = 3;

export interface Health {
  readonly ok: boolean;
  /** For an operator: what is wrong, or a figure. Never a secret. */
  readonly detail?: string;
}

export interface Readiness {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, Health>>;
}

/** Modules add a check for each thing they depend on; /health/ready asks them all. */
@Injectable()
export class HealthChecks {
  private readonly checks = new Map<string, () => Promise<Health>>();
  private looking: Promise<Readiness> | undefined;

  constructor(private readonly shutdown: Shutdown) {}

  add(name: string, check: () => Promise<Health>): void {
    this.checks.set(name, check);
  }

  /**
   * All checks in parallel, each within 3 s; not ok from the beginning of a stop on. Whoever asks
   * while they run shares them: the page is open to everybody.
   */
  run(): Promise<Readiness> {
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async look(): Promise<Readiness> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await this.guard(check)] as const),
    );
    if (this.shutdown.signal.aborted) results.push(['process', { ok: false, detail: 'stopping' }]);
    return { ok: results.every(([, health]) => health.ok), checks: Object.fromEntries(results) };
  }

  private async guard(check: () => Promise<Health>): Promise<Health> {
    try {
      return await within(LIMIT_SECONDS, check());
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : String(error) };
    }
  }
}
