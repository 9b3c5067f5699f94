import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { Sessions, type Tokens } from '../sessions/sessions.service.js';
import { hashOf, newOpaqueToken } from '../sessions/opaque-token.js';
import { tokenInvalid } from '../sign-in/verification.service.js';

const SECONDS_VALID = 60;

/** One-time codes: what the callback hands to the frontend in place of tokens. Hashed, for a minute. */
@Injectable()
export class LoginCodes {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
  ) {}

  async issue(personId: string): Promise<string> {
    const code = newOpaqueToken();
    await this.database.query(
      `INSERT INTO login_codes (code_hash, user_id, expires_at)
       VALUES ($1, $2, now() + make_interval(secs => $3))`,
      [hashOf(code), personId, SECONDS_VALID],
    );
    return code;
  }

  /** Opens the session; of parallel calls one succeeds. Throws auth.token_invalid. */
  exchange(code: string): Promise<Tokens> {
    return this.database.transaction(async () => {
      const used = await this.database.one<{ personId: string }>(
        `UPDATE login_codes c SET used_at = now() FROM users u
         WHERE c.code_hash = $1 AND c.used_at IS NULL AND c.expires_at > now()
           AND u.id = c.user_id AND u.status = 'active'
         RETURNING c.user_id AS "personId"`,
        [hashOf(code)],
      );
      if (!used) throw tokenInvalid();
      return this.sessions.start(used.personId, 'google');
    });
  }
}
