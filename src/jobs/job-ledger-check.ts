import { Injectable } from '@nestjs/common';
import { CreditsAudit } from '../credits/index.js';
import { Database } from '../platform/index.js';

/** Lets the audit of the ledger ask which jobs are open, so that no reservation outlives its job. */
@Injectable()
export class JobLedgerCheck {
  constructor(database: Database, audit: CreditsAudit) {
    audit.useJobs(async (ids) => {
      const rows = await database.query<{ id: string; isOpen: boolean }>(
        'SELECT id, finished_at IS NULL AS "isOpen" FROM jobs WHERE id = ANY($1::uuid[])',
        [ids],
      );
      return {
        known: new Set(rows.map((row) => row.id)),
        open: new Set(rows.filter((row) => row.isOpen).map((row) => row.id)),
      };
    });
  }
}
