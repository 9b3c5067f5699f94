import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import type { Deleted } from '../file-records.js';
import { FileWriter } from '../file-writer.js';
import { OBJECT_STORE, type ObjectStore } from '../store/object-store.js';
import { Workspace } from '../workspace.js';

const BATCH = 100;

/** Removes what cut uploads and interrupted deletions left. */
@Injectable()
export class Leftovers {
  constructor(
    private readonly database: Database,
    private readonly writer: FileWriter,
    private readonly workspace: Workspace,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** Rows and temporary files begun before `before` and not finished; bytes of deleted rows. */
  async sweep(before: Date): Promise<void> {
    await this.discardUnfinished(before);
    await this.purgeDeleted();
    await this.store.sweepUnfinished(before);
    await this.workspace.sweep(before);
  }

  private async discardUnfinished(before: Date): Promise<void> {
    for (;;) {
      const rows = await this.database.query<{ id: string }>(
        `SELECT id FROM files WHERE status = 'pending' AND created_at < $1 LIMIT $2`,
        [before, BATCH],
      );
      await this.writer.discard(rows.map((row) => row.id));
      if (rows.length < BATCH) return;
    }
  }

  private async purgeDeleted(): Promise<void> {
    for (;;) {
      const rows = await this.database.query<Deleted>(
        `SELECT id, storage_key AS "storageKey" FROM files
         WHERE status = 'deleted' AND purged_at IS NULL LIMIT $1`,
        [BATCH],
      );
      for (const row of rows) await this.writer.purge(row);
      if (rows.length < BATCH) return;
    }
  }
}
