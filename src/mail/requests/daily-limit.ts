import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { Database } from '../../platform/index.js';
import { mailError } from '../mail.errors.js';

const DAY_SECONDS = 86_400;

/** How many mails a person may ask for in 24 h, one per recipient. The rows themselves are counted. */
@Injectable()
export class DailyLimit {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Makes parallel requests of a person wait for each other. Needs a transaction. Throws mail.daily_limit. */
  async spend(personId: string, count: number): Promise<void> {
    const most = this.config.mail.mailsPerDay;
    await this.database.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `mail-limit|${personId}`,
    ]);
    const row = await this.database.one<{ spent: number; waitSeconds: number | null }>(
      `SELECT count(*) AS spent,
         ceil(extract(epoch FROM min(created_at) - now()) + $2)::int AS "waitSeconds"
       FROM emails WHERE user_id = $1 AND kind = 'job-shared'
         AND created_at > now() - make_interval(secs => $2)`,
      [personId, DAY_SECONDS],
    );
    const spent = row?.spent ?? 0;
    if (spent + count <= most) return;
    const wait = String(Math.max(1, row?.waitSeconds ?? DAY_SECONDS));
    throw mailError(
      'mail.daily_limit',
      `You may send ${most} mails a day and have ${Math.max(0, most - spent)} left; try again later.`,
      {
        headers: {
          'Retry-After': wait,
          RateLimit: `"mails";r=${Math.max(0, most - spent)};t=${wait}`,
          'RateLimit-Policy': `"mails";q=${most};w=${DAY_SECONDS}`,
        },
      },
    );
  }
}
