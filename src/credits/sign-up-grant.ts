import { createHmac } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { People } from '../auth/index.js';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import { Ledger } from './ledger.service.js';

/**
 * SIGNUP_CREDITS for a verified person, once for ever: per account and per address, so that erasing
 * an account and signing up again gives nothing. Of the address only a keyed hash is kept.
 */
@Injectable()
export class SignUpGrant implements OnModuleInit {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly people: People,
    private readonly ledger: Ledger,
  ) {}

  onModuleInit(): void {
    this.people.onVerified((personId) => this.give(personId));
  }

  /** Joins the verifying transaction. Repeating it changes nothing. */
  private async give(userId: string): Promise<void> {
    const amount = this.config.credits.signup;
    if (amount === 0) return;
    const { email } = await this.people.get(userId);
    const addressHash = createHmac('sha256', this.config.links.key)
      .update(`sign-up-grant|${email}`)
      .digest();
    const isFirst = await this.database.one(
      `INSERT INTO credit_sign_ups (user_id, address_hash) VALUES ($1, $2)
       ON CONFLICT DO NOTHING RETURNING user_id`,
      [userId, addressHash],
    );
    if (!isFirst) return;
    await this.ledger.grant({
      userId,
      amount,
      reason: 'Welcome: credits for a verified address',
      key: `sign-up|${userId}`,
    });
  }
}
