import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { ACCESS_TOKEN_SECONDS, AccessTokens } from '../access/access-tokens.js';
import { RequestOrigin } from '../access/request-origin.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { hashOf, newOpaqueToken } from './opaque-token.js';

export type SessionMethod = 'password' | 'verification' | 'google';
export type EndReason =
  'logout' | 'replay' | 'password' | 'suspended' | 'erased' | 'ended' | 'replaced';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds until the access token expires. */
  readonly expiresIn: number;
}

/** A session ends after so long without a refresh … */
const IDLE_DAYS = 14;
/** … and so long after the login, whatever happens. */
const ABSOLUTE_DAYS = 90;
/** Two tabs may refresh with the same token within this time; each gets its own successor. */
const GRACE_SECONDS = 10;

interface Presented {
  readonly tokenId: string;
  readonly sessionId: string;
  readonly personId: string;
  readonly isOpen: boolean;
  readonly isUsed: boolean;
  readonly isInGrace: boolean;
}

const refused = () =>
  authError('auth.refresh_token_invalid', 'Log in again; this session has ended or never was.');

/**
 * Sessions: a login and the chain of refresh tokens that continues it. A refresh token is opaque,
 * stored as a hash, and replaced each time it is used; using a replaced one again ends the session.
 */
@Injectable()
export class Sessions {
  constructor(
    private readonly database: Database,
    private readonly tokens: AccessTokens,
    private readonly origin: RequestOrigin,
    private readonly audit: AuditTrail,
  ) {}

  /** Opens a session for a person who has just proven who they are. */
  start(personId: string, method: SessionMethod): Promise<Tokens> {
    return this.database.transaction(async () => {
      const { ip, userAgent } = this.origin.current;
      const session = await this.database.one<{ id: string }>(
        `INSERT INTO sessions (user_id, method, ip, user_agent, idle_expires_at, expires_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(days => $5), now() + make_interval(days => $6))
         RETURNING id`,
        [personId, method, ip, userAgent, IDLE_DAYS, ABSOLUTE_DAYS],
      );
      if (!session) throw new Error('The session was not stored.');
      return this.issue(personId, session.id, null);
    });
  }

  /**
   * Replaces a refresh token by a new pair. Within 10 s the same token may be used again (a second
   * tab), as long as no successor was used; any other repeat ends the session and is recorded.
   * Throws auth.refresh_token_invalid.
   */
  async refresh(refreshToken: string): Promise<Tokens> {
    const tokens = await this.database.transaction(async () => {
      const presented = await this.present(refreshToken);
      if (!presented?.isOpen) return undefined;
      const { personId, sessionId, tokenId } = presented;
      if (presented.isUsed && !presented.isInGrace) {
        await this.endOne(personId, sessionId, 'replay');
        await this.audit.record({
          kind: 'auth.refresh-replayed',
          subjectId: personId,
          actorId: null,
        });
        return undefined;
      }
      await this.database.query(
        `WITH used AS (UPDATE refresh_tokens SET used_at = coalesce(used_at, now()) WHERE id = $1)
         UPDATE sessions SET last_used_at = now(),
           idle_expires_at = least(expires_at, now() + make_interval(days => $3)) WHERE id = $2`,
        [tokenId, sessionId, IDLE_DAYS],
      );
      return this.issue(personId, sessionId, tokenId);
    });
    if (!tokens) throw refused();
    return tokens;
  }

  /** Ends the session that this refresh token belongs to; quiet when there is none. */
  async logout(refreshToken: string): Promise<void> {
    await this.database.transaction(async () => {
      const presented = await this.present(refreshToken);
      if (!presented?.isOpen) return;
      await this.endOne(presented.personId, presented.sessionId, 'logout');
      await this.audit.record({ kind: 'auth.logged-out', subjectId: presented.personId });
    });
  }

  /** Ends one session of this person; true if it was open. Its access tokens die with it. */
  async endOne(personId: string, sessionId: string, reason: EndReason): Promise<boolean> {
    const ended = await this.database.query(
      `UPDATE sessions SET ended_at = now(), end_reason = $3
       WHERE id = $2 AND user_id = $1 AND ended_at IS NULL RETURNING id`,
      [personId, sessionId, reason],
    );
    return ended.length > 0;
  }

  /** Ends every session of this person, but for one where that is named, and what could become one. */
  async endAll(personId: string, reason: EndReason, exceptSessionId?: string): Promise<void> {
    await this.database.query('DELETE FROM login_codes WHERE user_id = $1', [personId]);
    await this.database.query(
      `UPDATE sessions SET ended_at = now(), end_reason = $2
       WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $3`,
      [personId, reason, exceptSessionId ?? null],
    );
  }

  private async issue(
    personId: string,
    sessionId: string,
    parentId: string | null,
  ): Promise<Tokens> {
    const refreshToken = newOpaqueToken();
    await this.database.query(
      'INSERT INTO refresh_tokens (session_id, parent_id, token_hash) VALUES ($1, $2, $3)',
      [sessionId, parentId, hashOf(refreshToken)],
    );
    const accessToken = this.tokens.sign({ personId, sessionId });
    return { accessToken, refreshToken, expiresIn: ACCESS_TOKEN_SECONDS };
  }

  /** Looks a refresh token up and holds its session's row, so that parallel uses come one by one. */
  private async present(refreshToken: string): Promise<Presented | undefined> {
    const hash = hashOf(refreshToken);
    const held = await this.database.one<{ id: string }>(
      `SELECT s.id FROM sessions s JOIN refresh_tokens t ON t.session_id = s.id
       WHERE t.token_hash = $1 FOR UPDATE OF s`,
      [hash],
    );
    if (!held) return undefined;
    return this.database.one<Presented>(
      `SELECT t.id AS "tokenId", s.id AS "sessionId", s.user_id AS "personId",
         (s.ended_at IS NULL AND s.expires_at > now() AND s.idle_expires_at > now()
           AND u.status = 'active') AS "isOpen",
         t.used_at IS NOT NULL AS "isUsed",
         (t.used_at > clock_timestamp() - make_interval(secs => $2) AND NOT EXISTS (
           SELECT 1 FROM refresh_tokens c WHERE c.parent_id = t.id AND c.used_at IS NOT NULL
         )) AS "isInGrace"
       FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id JOIN users u ON u.id = s.user_id
       WHERE t.token_hash = $1`,
      [hash, GRACE_SECONDS],
    );
  }
}
