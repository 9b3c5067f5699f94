import { Injectable, type OnModuleInit } from '@nestjs/common';
import { People } from '../auth/index.js';
import { Database } from '../platform/index.js';

/** What becomes of mails when a person is erased: none goes out any more, and no address stays. */
@Injectable()
export class ErasedMails implements OnModuleInit {
  constructor(
    private readonly people: People,
    private readonly database: Database,
  ) {}

  onModuleInit(): void {
    this.people.onErase((personId) => this.stop(personId), 'stop');
    this.people.onErase((personId) => this.blank(personId), 'remove');
  }

  /** A mailer that holds one of them finds it ended before it sends. */
  private async stop(personId: string): Promise<void> {
    await this.database.query(
      `UPDATE emails SET status = 'undeliverable', last_error = 'The account was erased.',
         lease_until = NULL, lease_owner = NULL
       WHERE user_id = $1 AND status = 'queued'`,
      [personId],
    );
  }

  /** Keeps that there was a mail, not to whom nor with which words. */
  private async blank(personId: string): Promise<void> {
    await this.database.query(
      `UPDATE emails SET recipient = id || '@erased.invalid', recipient_name = NULL, payload = '{}',
         last_error = NULL WHERE user_id = $1`,
      [personId],
    );
  }
}
