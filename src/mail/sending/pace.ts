import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { Database } from '../../platform/index.js';

/** Turns at SES, handed out evenly to all mailers together: never more than MAIL_RATE a second. */
@Injectable()
export class Pace {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Resolves when it is the caller's turn. A turn that is not used is lost. */
  async turn(): Promise<void> {
    const row = await this.database.one<{ waitSeconds: number }>(
      `INSERT INTO mail_pace (name, next_at) VALUES ('ses', clock_timestamp() + $1 * interval '1 s')
       ON CONFLICT (name) DO UPDATE
         SET next_at = greatest(mail_pace.next_at, clock_timestamp()) + $1 * interval '1 s'
       RETURNING (extract(epoch FROM next_at - clock_timestamp()) - $1)::float8 AS "waitSeconds"`,
      [1 / this.config.mail.ratePerSecond],
    );
    const waitMs = (row?.waitSeconds ?? 0) * 1_000;
    if (waitMs > 1) await pause(waitMs);
  }
}
