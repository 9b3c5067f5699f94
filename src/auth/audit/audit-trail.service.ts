import { Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { RequestOrigin, type Origin } from '../access/request-origin.js';

export interface AuditEvent {
  /** `module.what-happened`, such as `auth.login-failed`. */
  readonly kind: string;
  /** Whom it is about; undefined where nobody has that address. */
  readonly subjectId?: string | undefined;
  /** Who did it; by default the caller, else the subject. Null: nobody who had proven who they are. */
  readonly actorId?: string | null | undefined;
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

  /**
   * Joins the caller's transaction, so that the event is there exactly if its cause is. `from`: where
   * it came from, for what is done after the request has been answered.
   */
  async record(event: AuditEvent, from: Origin = this.origin.current): Promise<void> {
    const { ip, userAgent, requestId, personId } = from;
    const byDefault = personId ?? event.subjectId ?? null;
    await this.database.query(
      `INSERT INTO audit_events (kind, subject_id, actor_id, ip, user_agent, request_id, details)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        event.kind,
        event.subjectId ?? null,
        event.actorId === undefined ? byDefault : event.actorId,
        ip,
        userAgent,
        requestId,
        JSON.stringify(event.details ?? {}),
      ],
    );
  }

  /** Takes out of every event what is personal about this person; what they did to others stays told. */
  async blank(personId: string): Promise<void> {
    await this.database.query(
      `UPDATE audit_events SET
         ip = CASE WHEN actor_id <> $1 THEN ip END,
         user_agent = CASE WHEN actor_id <> $1 THEN user_agent END,
         details = CASE WHEN subject_id = $1 THEN '{}' ELSE details END
       WHERE subject_id = $1 OR actor_id = $1`,
      [personId],
    );
  }
}
