import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { RequestOrigin } from '../access/request-origin.js';

export interface AuditEvent {
  /** `module.what-happened`, such as `auth.login-failed`. */
  readonly kind: string;
  /** Whom it is about; undefined where nobody has that address. */
  readonly subjectId?: string | undefined;
  /** Who did it; by default the caller, else the subject. */
  readonly actorId?: string | undefined;
  /** Facts for an admin; no secret, no address. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Security events: who, what, when, from where. Only ever added to; erasure blanks where they came from. */
@Injectable()
export class AuditTrail {
  constructor(
    private readonly database: Database,
    private readonly origin: RequestOrigin,
  ) {}

  /** Joins the caller's transaction, so that the event is there exactly if its cause is. */
  async record(event: AuditEvent): Promise<void> {
    const { ip, userAgent, requestId, personId } = this.origin.current;
    await this.database.query(
      `INSERT INTO audit_events (kind, subject_id, actor_id, ip, user_agent, request_id, details)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        event.kind,
        event.subjectId ?? null,
        event.actorId ?? personId ?? event.subjectId ?? null,
        ip,
        userAgent,
        requestId,
        JSON.stringify(event.details ?? {}),
      ],
    );
  }

  /** Takes the personal part out of every event by or about this person. */
  async blank(personId: string): Promise<void> {
    await this.database.query(
      `UPDATE audit_events SET ip = NULL, user_agent = NULL, details = '{}'
       WHERE subject_id = $1 OR actor_id = $1`,
      [personId],
    );
  }
}
