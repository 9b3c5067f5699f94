import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';

/** One place where the ledger does not add up. */
export interface Drift {
  readonly kind:
    | 'balance'
    | 'running-balance'
    | 'end-without-reserve'
    | 'end-differs'
    | 'reservation-outlives-job'
    | 'missing-job';
  /** The account (user id) or the job. */
  readonly subject: string;
  /** For an operator: what differs. */
  readonly detail: string;
}

/** Of these jobs: which are still open, and which exist at all. */
export type JobsLookup = (
  jobIds: readonly string[],
) => Promise<{ open: ReadonlySet<string>; known: ReadonlySet<string> }>;

const LOOKUP_BATCH = 500;

/** Proves the ledger's invariants by reading; never mends anything. */
@Injectable()
export class CreditsAudit {
  private lookup: JobsLookup | undefined;

  constructor(private readonly database: Database) {}

  /** Registers how to ask which jobs are open; without it reservations are not compared with jobs. */
  useJobs(lookup: JobsLookup): void {
    this.lookup = lookup;
  }

  /**
   * Every place where entries and balances disagree, a job's end does not fit its reservation, or a
   * reservation outlives its job. Empty: the ledger is exact. Only reads; safe beside traffic,
   * because each check is one statement and so sees one moment.
   */
  async findDrift(): Promise<Drift[]> {
    return [
      ...(await this.findBalances()),
      ...(await this.findRunningBalances()),
      ...(await this.findEnds()),
      ...(await this.findOutlived()),
    ];
  }

  private findBalances(): Promise<Drift[]> {
    return this.database.query<Drift>(
      `SELECT 'balance' AS kind, a.user_id AS subject,
         format('available %s, entries %s; reserved %s, entries %s', a.available,
           coalesce(s.available, 0), a.reserved, coalesce(s.reserved, 0)) AS detail
       FROM credit_accounts a
       LEFT JOIN (SELECT user_id, sum(available_delta) AS available, sum(reserved_delta) AS reserved
                  FROM credit_entries GROUP BY user_id) s USING (user_id)
       WHERE (a.available, a.reserved) IS DISTINCT FROM
         (coalesce(s.available, 0), coalesce(s.reserved, 0))`,
    );
  }

  private findRunningBalances(): Promise<Drift[]> {
    return this.database.query<Drift>(
      `SELECT 'running-balance' AS kind, user_id AS subject,
         format('the entry %s says %s and %s, the sums are %s and %s', id, available_after,
           reserved_after, available, reserved) AS detail
       FROM (SELECT id, user_id, available_after, reserved_after,
               sum(available_delta) OVER account AS available,
               sum(reserved_delta) OVER account AS reserved
             FROM credit_entries WINDOW account AS (PARTITION BY user_id ORDER BY sequence)) sums
       WHERE (available_after, reserved_after) IS DISTINCT FROM (available, reserved)`,
    );
  }

  private findEnds(): Promise<Drift[]> {
    return this.database.query<Drift>(
      `SELECT CASE WHEN r.id IS NULL THEN 'end-without-reserve' ELSE 'end-differs' END AS kind,
         e.job_id AS subject,
         format('%s of %s against a reservation of %s', e.type, -e.reserved_delta,
           coalesce(r.reserved_delta::text, 'nothing')) AS detail
       FROM credit_entries e
       LEFT JOIN credit_entries r ON r.job_id = e.job_id AND r.type = 'reserve'
       WHERE e.type IN ('capture', 'release')
         AND (r.user_id, r.reserved_delta) IS DISTINCT FROM (e.user_id, -e.reserved_delta)`,
    );
  }

  private async findOutlived(): Promise<Drift[]> {
    const { lookup } = this;
    if (!lookup) return [];
    const drift: Drift[] = [];
    const held = await this.findHeldJobs();
    for (let from = 0; from < held.length; from += LOOKUP_BATCH) {
      const batch = held.slice(from, from + LOOKUP_BATCH);
      const { open, known } = await lookup(batch);
      const ended = new Set(await this.findEnded(batch));
      for (const subject of batch) {
        // A job may have ended between the two readings; then its reservation has ended too.
        if (open.has(subject) || ended.has(subject)) continue;
        drift.push(
          known.has(subject)
            ? { kind: 'reservation-outlives-job', subject, detail: 'the job has ended' }
            : { kind: 'missing-job', subject, detail: 'there is no such job' },
        );
      }
    }
    return drift;
  }

  private async findHeldJobs(): Promise<string[]> {
    const rows = await this.database.query<{ jobId: string }>(
      `SELECT r.job_id AS "jobId" FROM credit_entries r
       WHERE r.type = 'reserve' AND NOT EXISTS (SELECT 1 FROM credit_entries e
         WHERE e.job_id = r.job_id AND e.type IN ('capture', 'release'))`,
    );
    return rows.map((row) => row.jobId);
  }

  private async findEnded(jobIds: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ jobId: string }>(
      `SELECT job_id AS "jobId" FROM credit_entries
       WHERE job_id = ANY($1) AND type IN ('capture', 'release')`,
      [jobIds],
    );
    return rows.map((row) => row.jobId);
  }
}
