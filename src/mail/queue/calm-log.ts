import type { Logger } from '@nestjs/common';

const REPEAT_MS = 60_000;

/** Warns of trouble that repeats every second once a minute. */
export class CalmLog {
  private last = '';
  private lastAt = 0;

  constructor(private readonly logger: Logger) {}

  warn(message: string): void {
    const now = performance.now();
    if (message === this.last && now - this.lastAt < REPEAT_MS) return;
    this.last = message;
    this.lastAt = now;
    this.logger.warn(message);
  }
}
