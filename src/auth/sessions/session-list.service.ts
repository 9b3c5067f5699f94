import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { Sessions, type SessionMethod } from './sessions.service.js';

export interface OpenSession {
  readonly id: string;
  readonly method: SessionMethod;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** A person's own view of where they are logged in. */
@Injectable()
export class SessionList {
  constructor(
    private readonly database: Database,
    private readonly sessions: Sessions,
    private readonly audit: AuditTrail,
  ) {}

  /** Open sessions, the last used first. */
  list(personId: string): Promise<OpenSession[]> {
    return this.database.query<OpenSession>(
      `SELECT id, method, ip, user_agent AS "userAgent", created_at AS "createdAt",
         last_used_at AS "lastUsedAt", least(idle_expires_at, expires_at) AS "expiresAt"
       FROM sessions WHERE user_id = $1 AND ended_at IS NULL
         AND expires_at > now() AND idle_expires_at > now()
       ORDER BY last_used_at DESC, id`,
      [personId],
    );
  }

  /** Throws auth.session_not_found, also for a session of another person. */
  async end(personId: string, sessionId: string): Promise<void> {
    await this.database.transaction(async () => {
      if (!(await this.sessions.endOne(personId, sessionId, 'ended'))) {
        throw authError('auth.session_not_found', 'It has ended, or it is not yours.');
      }
      await this.audit.record({ kind: 'auth.session-ended', subjectId: personId });
    });
  }

  /** Logs the person out everywhere. */
  async endAll(personId: string): Promise<void> {
    await this.database.transaction(async () => {
      await this.sessions.endAll(personId, 'ended');
      await this.audit.record({ kind: 'auth.all-sessions-ended', subjectId: personId });
    });
  }
}
