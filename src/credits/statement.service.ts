import { Injectable } from '@nestjs/common';
import { Database, decodeCursor, toPage, type Page } from '../platform/index.js';
import { ENTRY_COLUMNS, type Entry, type EntryType } from './entry.js';

export interface StatementQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly jobId?: string | undefined;
  readonly type?: EntryType | undefined;
  /** From this time on, inclusive. */
  readonly from?: Date | undefined;
  /** Before this time. */
  readonly to?: Date | undefined;
}

/** Reading the ledger: what happened to a person's credits, newest first. */
@Injectable()
export class Statement {
  constructor(private readonly database: Database) {}

  /** One page of the person's entries; each carries the balances right after it. */
  async list(userId: string, query: StatementQuery): Promise<Page<Entry>> {
    const rows = await this.database.query<Entry>(
      `SELECT ${ENTRY_COLUMNS} FROM credit_entries
       WHERE user_id = $1
         -- By sequence and not by time: entries of the same millisecond keep their order.
         AND ($2::uuid IS NULL OR sequence <
           (SELECT last.sequence FROM credit_entries last WHERE last.id = $2 AND last.user_id = $1))
         AND ($3::uuid IS NULL OR job_id = $3)
         AND ($4::text IS NULL OR type = $4)
         AND ($5::timestamptz IS NULL OR created_at >= $5)
         AND ($6::timestamptz IS NULL OR created_at < $6)
       ORDER BY sequence DESC LIMIT $7`,
      [
        userId,
        decodeCursor(query.cursor)?.id,
        query.jobId,
        query.type,
        query.from,
        query.to,
        query.limit + 1,
      ],
    );
    return toPage(rows, query.limit, (entry) => entry);
  }

  /** The entry with this id, whoever owns it. */
  find(entryId: string): Promise<Entry | undefined> {
    return this.database.one<Entry>(`SELECT ${ENTRY_COLUMNS} FROM credit_entries WHERE id = $1`, [
      entryId,
    ]);
  }

  /** Every entry of one job, oldest first: its reservation and how that ended. */
  ofJob(jobId: string): Promise<Entry[]> {
    return this.database.query<Entry>(
      `SELECT ${ENTRY_COLUMNS} FROM credit_entries WHERE job_id = $1 ORDER BY sequence`,
      [jobId],
    );
  }
}
