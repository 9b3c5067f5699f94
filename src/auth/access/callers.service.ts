import { Injectable } from '@nestjs/common';
import { Database, SharedReads } from '../../platform/index.js';
import { ApiKeys } from '../api-keys/api-keys.service.js';
import type { Person } from '../people/person.js';
import { AccessTokens } from './access-tokens.js';
import type { Caller } from './current-person.js';

/** Finds the person behind a bearer token. */
@Injectable()
export class Callers {
  private readonly signedIn: SharedReads<Person & { readonly sessionId: string }>;

  constructor(
    private readonly database: Database,
    private readonly tokens: AccessTokens,
    private readonly apiKeys: ApiKeys,
  ) {
    this.signedIn = new SharedReads(
      database,
      'callers',
      (ids) =>
        `SELECT s.id AS "sessionId", u.id, u.email, u.name, u.role
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = ${ids} AND s.ended_at IS NULL AND s.expires_at > now()
           AND u.status = 'active' AND u.email_verified_at IS NOT NULL`,
      ({ sessionId }) => sessionId,
    );
  }

  /**
   * Undefined unless token or API key is genuine and open, and the person active and verified. Calls
   * `onGenuine` once the signature of an access token is known to be ours, before anything is read, or once
   * an API key is found.
   */
  async find(token: string, onGenuine: () => void): Promise<Caller | undefined> {
    if (this.apiKeys.isApiKey(token)) {
      const caller = await this.apiKeys.findCaller(token);
      if (caller) onGenuine();
      return caller;
    }
    const claims = this.tokens.read(token);
    if (!claims) return undefined;
    onGenuine();
    const found = await this.signedIn.find(claims.sessionId);
    if (found?.id !== claims.personId) return undefined;
    const { sessionId, ...person } = found;
    return { person, sessionId };
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
