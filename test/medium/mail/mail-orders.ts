import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import { People } from '../../../src/auth/index.js';
import { Emails } from '../../../src/mail/emails.js';
import { Database } from '../../../src/platform/index.js';
import { eventually } from '../../support/mailer.js';

export interface MailRow {
  readonly id: string;
  readonly recipient: string;
  readonly status: string;
  readonly attempts: number;
  readonly possibleCopies: number;
  readonly crashes: number;
  readonly lastError: string | null;
}

/** Orders plain mails (no link, no job) and looks at their rows. */
export class MailOrders {
  private constructor(
    private readonly database: Database,
    private readonly emails: Emails,
    readonly personId: string,
  ) {}

  static async of(app: INestApplication): Promise<MailOrders> {
    const person = await app.get(People, { strict: false }).provision({
      email: `${randomUUID()}@example.com`,
      password: 'a cup of coffee at 7',
      role: 'user',
    });
    const emails = app.get(Emails, { strict: false });
    return new MailOrders(app.get(Database), emails, person.id);
  }

  /** One mail to each address, each an event of its own. Returns the rows' ids. */
  async place(recipients: readonly string[]): Promise<string[]> {
    return this.database.transaction(async () => {
      const ids: string[] = [];
      for (const recipient of recipients) {
        const id = await this.emails.order({
          eventId: randomUUID(),
          kind: 'password-changed',
          userId: this.personId,
          recipient,
          payload: {},
        });
        if (id) ids.push(id);
      }
      return ids;
    });
  }

  rows(ids: readonly string[]): Promise<MailRow[]> {
    return this.database.query<MailRow>(
      `SELECT id, recipient, status, attempts, crashes, possible_copies AS "possibleCopies",
         last_error AS "lastError" FROM emails WHERE id = ANY($1)`,
      [ids],
    );
  }

  /** Waits until none of them is queued. */
  settled(ids: readonly string[], patienceMs?: number): Promise<MailRow[]> {
    return eventually(async () => {
      const rows = await this.rows(ids);
      return rows.every((row) => row.status !== 'queued') && rows;
    }, patienceMs);
  }

  /** Makes the next tries of these mails due at once until `isDone`. */
  async hurry(ids: readonly string[], isDone: () => Promise<boolean>): Promise<void> {
    await eventually(async () => {
      await this.database.query(
        `UPDATE emails SET next_attempt_at = now()
         WHERE id = ANY($1) AND status = 'queued' AND next_attempt_at > now()`,
        [ids],
      );
      return isDone();
    });
  }
}
