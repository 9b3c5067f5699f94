import { Injectable } from '@nestjs/common';

export interface Health {
  readonly ok: boolean;
  /** For an operator: what is wrong, or a figure. Never a secret. */
  readonly detail?: string;
}

/** Modules add a check for each thing they depend on; /health/ready asks them all. */
@Injectable()
export class HealthChecks {
  private readonly checks = new Map<string, () => Promise<Health>>();
  private isStopping = false;

  add(name: string, check: () => Promise<Health>): void {
    this.checks.set(name, check);
  }

  /** From now on not ready: the first step of a graceful stop. */
  stop(): void {
    this.isStopping = true;
  }

  /** All checks in parallel, each within 3 s. */
  async run(): Promise<{ ok: boolean; checks: Record<string, Health> }> {
    const results = await Promise.all(
      [...this.checks].map(async ([name, check]) => [name, await this.guard(check)] as const),
    );
    if (this.isStopping) results.push(['process', { ok: false, detail: 'stopping' }]);
    return { ok: results.every(([, health]) => health.ok), checks: Object.fromEntries(results) };
  }

  private async guard(check: () => Promise<Health>): Promise<Health> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Health>((resolve) => {
      timer = setTimeout(() => resolve({ ok: false, detail: 'no answer within 3 s' }), 3_000);
    });
    try {
      return await Promise.race([check(), late]);
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }
}
