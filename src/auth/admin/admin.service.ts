import { Injectable } from '@nestjs/common';
import { Database, decodeCursor } from '../../platform/index.js';
import { AuditTrail } from '../audit/audit-trail.service.js';
import { authError } from '../auth.errors.js';
import { People } from '../people/people.service.js';
import type { Account, Person, PersonStatus } from '../people/person.js';
import { Sessions } from '../sessions/sessions.service.js';

export interface PersonSearch {
  /** A whole address or a part of one. */
  readonly email?: string | undefined;
  readonly status?: PersonStatus | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface AuditRow {
  readonly id: string;
  readonly createdAt: Date;
  readonly kind: string;
  readonly actorId: string | null;
  readonly subjectId: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  readonly details: Record<string, unknown>;
}

export interface AuditSearch {
  readonly personId?: string | undefined;
  readonly kind?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** What admins may see and do about persons. */
@Injectable()
export class Administration {
  constructor(
    private readonly database: Database,
    private readonly people: People,
    private readonly sessions: Sessions,
    private readonly audit: AuditTrail,
  ) {}

  /** Newest first; one row more than `limit` where there is a next page. */
  search({ email, status, limit, cursor }: PersonSearch): Promise<Account[]> {
    const after = decodeCursor(cursor);
    return this.database.query<Account>(
      `SELECT id, coalesce(email, '') AS email, name, role, status, result_mails AS "resultMails",
         email_verified_at IS NOT NULL AS "emailVerified",
         created_at AS "createdAt"
       FROM users
       WHERE ($1::text IS NULL OR strpos(email, $1) > 0) AND ($2::text IS NULL OR status = $2)
         AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
       ORDER BY created_at DESC, id DESC LIMIT $5`,
      [
        email?.trim().toLowerCase() ?? null,
        status ?? null,
        after?.createdAt ?? null,
        after?.id ?? null,
        limit + 1,
      ],
    );
  }

  /**
   * Locks a person out at once: sessions end, API keys and links stop. Repeating it is quiet.
   * Throws auth.person_not_found and auth.own_account.
   */
  async suspend(admin: Person, personId: string, reason: string): Promise<Account> {
    if (admin.id === personId) throw authError('auth.own_account', 'Ask another admin.');
    await this.database.transaction(async () => {
      const changed = await this.database.query(
        `UPDATE users SET status = 'suspended', suspended_at = now(), updated_at = now()
         WHERE id = $1 AND status = 'active' RETURNING id`,
        [personId],
      );
      if (changed.length === 0) return;
      await this.sessions.endAll(personId, 'suspended');
      const details = { reason };
      await this.audit.record({ kind: 'auth.person-suspended', subjectId: personId, details });
    });
    return this.getPresent(personId);
  }

  /** Lets a suspended person in again; quiet for others. Throws auth.person_not_found. */
  async restore(personId: string): Promise<Account> {
    await this.database.transaction(async () => {
      const changed = await this.database.query(
        `UPDATE users SET status = 'active', suspended_at = NULL, updated_at = now()
         WHERE id = $1 AND status = 'suspended' RETURNING id`,
        [personId],
      );
      if (changed.length === 0) return;
      await this.audit.record({ kind: 'auth.person-restored', subjectId: personId });
    });
    return this.getPresent(personId);
  }

  /** Throws auth.person_not_found, also for the erased. */
  async getPresent(personId: string): Promise<Account> {
    const person = await this.people.get(personId);
    if (person.status === 'erased') {
      throw authError('auth.person_not_found', 'This person was erased.');
    }
    return person;
  }

  /** Newest first; one row more than `limit` where there is a next page. */
  events({ personId, kind, limit, cursor }: AuditSearch): Promise<AuditRow[]> {
    const after = decodeCursor(cursor);
    return this.database.query<AuditRow>(
      `SELECT id, created_at AS "createdAt", kind,
         actor_id AS "actorId", subject_id AS "subjectId", ip, user_agent AS "userAgent",
         request_id AS "requestId", details
       FROM audit_events
       WHERE ($1::uuid IS NULL OR subject_id = $1 OR actor_id = $1)
         AND ($2::text IS NULL OR kind = $2)
         AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
       ORDER BY created_at DESC, id DESC LIMIT $5`,
      [personId ?? null, kind ?? null, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }
}
