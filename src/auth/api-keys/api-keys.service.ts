import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import type { Caller } from '../access/current-person.js';
import type { Person } from '../people/person.js';
import { hashOf, newOpaqueToken } from '../sessions/opaque-token.js';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  /** The first characters, to tell keys apart. */
  readonly hint: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** Lets secret scanners find a key that was published by mistake. */
const PREFIX = 'hom_';
const HINT_LENGTH = 10;
const MAX_KEYS = 50;

const COLUMNS = `id, name, hint, created_at AS "createdAt", last_used_at AS "lastUsedAt"`;

/** API keys: a server's stand-in for a login. Named, stored as a hash, shown once, revocable. */
@Injectable()
export class ApiKeys {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditTrail,
  ) {}

  /** Returns the key itself too, for this one time. Throws auth.api_key_limit at 50 keys. */
  create(personId: string, name: string): Promise<ApiKey & { readonly key: string }> {
    const key = `${PREFIX}${newOpaqueToken()}`;
    return this.database.transaction(async () => {
      const created = await this.database.one<ApiKey>(
        `INSERT INTO api_keys (user_id, name, hint, key_hash)
         SELECT $1, $2, $3, $4 WHERE $5 >
           (SELECT count(*) FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL)
         RETURNING ${COLUMNS}`,
        [personId, name, key.slice(0, HINT_LENGTH), hashOf(key), MAX_KEYS],
      );
      if (!created) {
        throw authError('auth.api_key_limit', `Revoke one first; ${MAX_KEYS} are the most.`);
      }
      await this.audit.record({
        kind: 'auth.api-key-created',
        subjectId: personId,
        details: { apiKeyId: created.id },
      });
      return { ...created, key };
    });
  }

  /** Those that can be used, newest first. */
  list(personId: string): Promise<ApiKey[]> {
    return this.database.query<ApiKey>(
      `SELECT ${COLUMNS} FROM api_keys WHERE user_id = $1 AND revoked_at IS NULL
       ORDER BY created_at DESC, id`,
      [personId],
    );
  }

  /** Throws auth.api_key_not_found, also for a key of another person. */
  async get(personId: string, id: string): Promise<ApiKey> {
    const key = await this.database.one<ApiKey>(
      `SELECT ${COLUMNS} FROM api_keys WHERE id = $2 AND user_id = $1`,
      [personId, id],
    );
    if (!key) throw this.notFound();
    return key;
  }

  /** Counts at once. Throws auth.api_key_not_found. */
  async revoke(personId: string, id: string): Promise<void> {
    await this.database.transaction(async () => {
      const revoked = await this.database.query(
        `UPDATE api_keys SET revoked_at = now()
         WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL RETURNING id`,
        [personId, id],
      );
      if (revoked.length === 0) throw this.notFound();
      await this.audit.record({
        kind: 'auth.api-key-revoked',
        subjectId: personId,
        details: { apiKeyId: id },
      });
    });
  }

  /** True for text that can only be meant as an API key. */
  isApiKey(token: string): boolean {
    return token.startsWith(PREFIX);
  }

  /** The active person whose key this is; notes the use, to the minute. */
  async findCaller(key: string): Promise<Caller | undefined> {
    const found = await this.database.one<Person & { keyId: string; isStale: boolean }>(
      `SELECT u.id, u.email, u.name, u.role, k.id AS "keyId",
         (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute') AS "isStale"
       FROM api_keys k JOIN users u ON u.id = k.user_id
       WHERE k.key_hash = $1 AND k.revoked_at IS NULL
         AND u.status = 'active' AND u.email_verified_at IS NOT NULL`,
      [hashOf(key)],
    );
    if (!found) return undefined;
    const { keyId, isStale, ...person } = found;
    if (isStale) {
      await this.database.query('UPDATE api_keys SET last_used_at = now() WHERE id = $1', [keyId]);
    }
    return { person, apiKeyId: keyId };
  }

  private notFound() {
    return authError('auth.api_key_not_found', 'It is revoked, or it is not yours.');
  }
}
