import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { authError } from '../auth.errors.js';
import { AccountLinks } from '../links/account-links.service.js';
import { People } from '../people/people.service.js';
import { Sessions, type Tokens } from '../sessions/sessions.service.js';

export const tokenInvalid = () =>
  authError('auth.token_invalid', 'It was used, replaced or has expired; ask for a new one.');

/** The proof that an address belongs to the person. */
@Injectable()
export class Verification {
  constructor(
    private readonly database: Database,
    private readonly links: AccountLinks,
    private readonly people: People,
    private readonly sessions: Sessions,
  ) {}

  /** Uses a verification token up and logs the person in. Throws auth.token_invalid. */
  async verify(token: string): Promise<Tokens> {
    return this.database.transaction(async () => {
      const link = await this.links.use(token, ['verify-email']);
      if (!link) throw tokenInvalid();
      await this.people.markVerified(link.personId);
      return this.sessions.start(link.personId, 'verification');
    });
  }
}
