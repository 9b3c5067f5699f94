import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { Database, DomainError } from '../../platform/index.js';
import { Deletion } from '../deletion.service.js';
import type { FileKind } from '../file.js';

const BATCH = 100;

/** Deletes files that are older than INPUT_RETENTION_DAYS and OUTPUT_RETENTION_DAYS. */
@Injectable()
export class Expiry {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
    private readonly deletion: Deletion,
  ) {}

  /** In batches; files that open jobs use stay until those have ended. */
  async sweep(): Promise<void> {
    for (const kind of ['input', 'output'] as const) {
      const days = this.config.storage.retentionDays[kind];
      if (days > 0) await this.expire(kind, days);
    }
  }

  private async expire(kind: FileKind, days: number): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const rows = await this.database.query<{ id: string; userId: string }>(
        `SELECT id, user_id AS "userId" FROM files
         WHERE kind = $1 AND status = 'stored'
           AND stored_at < now() - make_interval(secs => $2 * 86400.0)
           AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4`,
        [kind, days, after, BATCH],
      );
      for (const row of rows) await this.deleteUnlessInUse(row);
      after = rows.at(-1)?.id;
      if (rows.length < BATCH) return;
    }
  }

  private async deleteUnlessInUse({ id, userId }: { id: string; userId: string }): Promise<void> {
    try {
      await this.deletion.delete(userId, id);
    } catch (error) {
      // In use by an open job, or deleted meanwhile: the next sweep looks again.
      if (!(error instanceof DomainError)) throw error;
    }
  }
}
