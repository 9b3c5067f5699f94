import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import type { Deleted } from '../file-records.js';
import { FileWriter } from '../file-writer.js';
import { OBJECT_STORE, type ObjectStore } from '../store/object-store.js';

const BATCH = 100;

/** Removes what cut uploads and interrupted deletions left. */
@Injectable()
export class Leftovers {
  constructor(
    private readonly database: Database,
    private readonly writer: FileWriter,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** Rows and objects begun before `before` and not finished; bytes of deleted rows; old links. */
  async sweep(before: Date): Promise<void> {
    await this.discardUnfinished(before);
    await this.purgeDeleted();
    await this.store.sweepUnfinished(before);
    await this.forgetLinks();
  }

  /** A day after its end nobody asks for a link again, not even with its Idempotency-Key. */
  private async forgetLinks(): Promise<void> {
    await this.database.query(`DELETE FROM file_links WHERE expires_at < now() - interval '1 day'`);
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
    let after: string | undefined;
    for (;;) {
      // Onwards by id: bytes that cannot be removed now must not keep the others.
      const rows = await this.database.query<Deleted>(
        `SELECT id, storage_key AS "storageKey" FROM files
         WHERE status = 'deleted' AND purged_at IS NULL AND ($1::uuid IS NULL OR id > $1)
         ORDER BY id LIMIT $2`,
        [after, BATCH],
      );
      for (const row of rows) await this.writer.purge(row);
      after = rows.at(-1)?.id;
      if (rows.length < BATCH) return;
    }
  }
}
