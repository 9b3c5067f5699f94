import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { Database } from '../../platform/index.js';

interface Waiting {
  take(turn: number): void;
  fail(error: unknown): void;
}

/**
 * Turns at SES, handed out evenly to all mailers together: never more than MAIL_RATE a second. Who
 * asks while an answer is under way shares the next question.
 */
@Injectable()
export class Pace {
  private waiting: Waiting[] = [];
  private isAsking = false;

  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Resolves when it is the caller's turn. A turn that is not used is lost. */
  async turn(): Promise<void> {
    const at = await new Promise<number>((take, fail) => {
      this.waiting.push({ take, fail });
      void this.ask();
    });
    const waitMs = at - performance.now();
    if (waitMs > 1) await pause(waitMs);
  }

  private async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.waiting.length > 0) {
      const group = this.waiting;
      this.waiting = [];
      try {
        const first = performance.now() + (await this.reserve(group.length));
        const stepMs = 1_000 / this.config.mail.ratePerSecond;
        for (const [index, { take }] of group.entries()) take(first + index * stepMs);
      } catch (error) {
        for (const { fail } of group) fail(error);
      }
    }
    this.isAsking = false;
  }

  /** In how many milliseconds the first of `count` turns is. */
  private async reserve(count: number): Promise<number> {
    const row = await this.database.one<{ waitSeconds: number }>(
      `INSERT INTO mail_pace (name, next_at) VALUES ('ses', clock_timestamp() + $1 * interval '1 s')
       ON CONFLICT (name) DO UPDATE
         SET next_at = greatest(mail_pace.next_at, clock_timestamp()) + $1 * interval '1 s'
       RETURNING (extract(epoch FROM next_at - clock_timestamp()) - $1)::float8 AS "waitSeconds"`,
      [count / this.config.mail.ratePerSecond],
    );
    return (row?.waitSeconds ?? 0) * 1_000;
  }
}
