import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { ApiKeys } from '../api-keys/api-keys.service.js';
import type { Person } from '../people/person.js';
import { AccessTokens } from './access-tokens.js';
import type { Caller } from './current-person.js';

/** Finds the person behind a bearer token. */
@Injectable()
export class Callers {
  constructor(
    private readonly database: Database,
    private readonly tokens: AccessTokens,
    private readonly apiKeys: ApiKeys,
  ) {}

  /** Undefined unless token or API key is genuine and open, and the person active and verified. */
  async find(token: string): Promise<Caller | undefined> {
    if (this.apiKeys.isApiKey(token)) return this.apiKeys.findCaller(token);
    const claims = this.tokens.read(token);
    if (!claims) return undefined;
    const [person] = await this.database.prepared<Person>(
      'caller',
      `SELECT u.id, u.email, u.name, u.role FROM users u JOIN sessions s ON s.user_id = u.id
       WHERE u.id = $1 AND u.status = 'active' AND u.email_verified_at IS NOT NULL
         AND s.id = $2 AND s.ended_at IS NULL AND s.expires_at > now()`,
      [claims.personId, claims.sessionId],
    );
    return person && { person, sessionId: claims.sessionId };
  }

  /** Whether who came in once may still be in: an access token that only grew old changes nothing. */
  async isIn({ person, sessionId, apiKeyId }: Caller): Promise<boolean> {
    const row = await this.database.one(
      `SELECT 1 FROM users u WHERE u.id = $1 AND u.status = 'active'
         AND ($2::uuid IS NULL OR EXISTS (
           SELECT 1 FROM sessions s WHERE s.id = $2 AND s.ended_at IS NULL))
         AND ($3::uuid IS NULL OR EXISTS (
           SELECT 1 FROM api_keys k WHERE k.id = $3 AND k.revoked_at IS NULL))`,
      [person.id, sessionId, apiKeyId],
    );
    return row !== undefined;
  }
}
