/** What an entry did: see the signs in migrations.ts. */
export const ENTRY_TYPES = ['grant', 'reserve', 'capture', 'release', 'adjust'] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

/** What a person can spend and what open jobs hold, in credits; both are never negative. */
export interface Balance {
  readonly available: number;
  readonly reserved: number;
}

/** One movement of one account, with the balances right after it. Never changed, never removed. */
export interface Entry {
  readonly id: string;
  readonly userId: string;
  readonly type: EntryType;
  readonly availableDelta: number;
  readonly reservedDelta: number;
  readonly availableAfter: number;
  readonly reservedAfter: number;
  readonly jobId: string | null;
  readonly reason: string | null;
  readonly actorId: string | null;
  readonly createdAt: Date;
}

/** The columns of credit_entries as the fields of {@link Entry}. */
export const ENTRY_COLUMNS = `id, user_id AS "userId", type, available_delta AS "availableDelta",
  reserved_delta AS "reservedDelta", available_after AS "availableAfter",
  reserved_after AS "reservedAfter", job_id AS "jobId", reason, actor_id AS "actorId",
  created_at AS "createdAt"`;
