import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../platform/index.js';
import { fileIdOf } from '../keys.js';
import { OBJECT_STORE, type ObjectStore, type StoredObject } from '../store/object-store.js';

/** What rows and store disagree about. */
export interface StorageFindings {
  /** Objects that no live row accounts for. */
  readonly objectsWithoutRow: readonly StoredObject[];
  /** Stored rows whose bytes are not there. */
  readonly rowsWithoutObject: readonly { readonly id: string; readonly storageKey: string }[];
  /** Persons whose counted usage differs from their files. */
  readonly usageDrift: readonly string[];
  readonly objects: number;
  readonly rows: number;
}

const BATCH = 500;

/** Younger objects may belong to a thumbnail or a deletion that is just happening. */
export const SETTLED_AFTER_MS = 10 * 60_000;

interface LiveRow {
  readonly id: string;
  readonly storageKey: string;
}

/** Compares rows with the store by reading both; changes nothing. */
@Injectable()
export class StorageAudit {
  constructor(
    private readonly database: Database,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /**
   * Orphans of either side among what existed, unchanged, for `settledAfterMs`. Memory grows with
   * the number of objects (about 100 bytes each).
   */
  async findOrphans(settledAfterMs = SETTLED_AFTER_MS): Promise<StorageFindings> {
    const before = new Date(Date.now() - settledAfterMs);
    const present = new Set<string>();
    const objectsWithoutRow: StoredObject[] = [];
    let batch: StoredObject[] = [];
    const judge = async () => {
      const rows = await this.findLive(batch);
      objectsWithoutRow.push(...batch.filter((object) => !this.isAccountedFor(object, rows)));
      batch = [];
    };
    for await (const object of this.store.list()) {
      present.add(object.key);
      if (object.modifiedAt > before) continue;
      batch.push(object);
      if (batch.length === BATCH) await judge();
    }
    await judge();
    const { rows, missing } = await this.compareRows(before, present);
    return {
      objectsWithoutRow,
      rowsWithoutObject: missing,
      usageDrift: await this.findUsageDrift(),
      objects: present.size,
      rows,
    };
  }

  private isAccountedFor({ key }: StoredObject, rows: ReadonlyMap<string, LiveRow>): boolean {
    const row = rows.get(fileIdOf(key) ?? '');
    return row !== undefined && (row.storageKey === key || /^(originals|thumbnails)\//.test(key));
  }

  private async findLive(objects: readonly StoredObject[]): Promise<Map<string, LiveRow>> {
    const ids = objects.map(({ key }) => fileIdOf(key)).filter((id) => id !== undefined);
    const rows = await this.database.query<LiveRow>(
      `SELECT id, storage_key AS "storageKey" FROM files
       WHERE id = ANY($1::uuid[]) AND status IN ('pending', 'stored')`,
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  private async compareRows(
    before: Date,
    present: ReadonlySet<string>,
  ): Promise<{ rows: number; missing: LiveRow[] }> {
    const missing: LiveRow[] = [];
    let [rows, after] = [0, undefined as string | undefined];
    for (;;) {
      const batch = await this.database.query<LiveRow>(
        `SELECT id, storage_key AS "storageKey" FROM files
         WHERE status = 'stored' AND stored_at <= $1 AND ($2::uuid IS NULL OR id > $2)
         ORDER BY id LIMIT $3`,
        [before, after, BATCH],
      );
      missing.push(
        ...(await this.confirmMissing(batch.filter((row) => !present.has(row.storageKey)))),
      );
      rows += batch.length;
      after = batch.at(-1)?.id;
      if (batch.length < BATCH) return { rows, missing };
    }
  }

  /** The listing may be older than the row's deletion, or the store's listing late: ask again. */
  private async confirmMissing(rows: readonly LiveRow[]): Promise<LiveRow[]> {
    const missing: LiveRow[] = [];
    for (const { id, storageKey } of rows) {
      if (await this.store.find(storageKey)) continue;
      const still = await this.database.one(
        `SELECT 1 FROM files WHERE id = $1 AND status = 'stored'`,
        [id],
      );
      if (still) missing.push({ id, storageKey });
    }
    return missing;
  }

  private async findUsageDrift(): Promise<string[]> {
    const rows = await this.database.query<{ userId: string }>(
      `SELECT coalesce(u.user_id, f.user_id) AS "userId" FROM file_usage u
       FULL JOIN (SELECT user_id, count(*) AS files, sum(size_bytes) AS bytes FROM files
                  WHERE status = 'stored' GROUP BY user_id) f ON f.user_id = u.user_id
       WHERE (coalesce(u.files, 0), coalesce(u.bytes, 0)) IS DISTINCT FROM
         (coalesce(f.files, 0), coalesce(f.bytes, 0))`,
    );
    return rows.map((row) => row.userId);
  }
}
