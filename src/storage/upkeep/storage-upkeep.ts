import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { gauge, Timetable } from '../../platform/index.js';
import { FileWriter } from '../file-writer.js';
import { LONGEST_UPLOAD_MS } from '../workspace.js';
import { OBJECT_STORE, type ObjectStore } from '../store/object-store.js';
import { Expiry } from './expiry.js';
import { Leftovers } from './leftovers.js';
import { StorageAudit, type StorageFindings } from './storage-audit.service.js';

const SWEEP_EVERY_MS = 10 * 60_000;
const ORPHANS_EVERY_MS = 30 * 60_000;
/** More orphans than this, and more than half of everything: rather a wrong address than orphans. */
const SUSPICIOUS = 20;

/** Plans the sweeps and removes orphans. Everything may run in several processes at once. */
@Injectable()
export class StorageUpkeep implements OnModuleInit {
  private readonly logger = new Logger(StorageUpkeep.name);
  private readonly orphans = gauge(
    'storage_orphans',
    'Rows without bytes and objects without a row at the last look',
    ['side'],
  );

  constructor(
    private readonly timetable: Timetable,
    private readonly expiry: Expiry,
    private readonly leftovers: Leftovers,
    private readonly audit: StorageAudit,
    private readonly writer: FileWriter,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  onModuleInit(): void {
    this.timetable.every('storage.sweep', SWEEP_EVERY_MS, () => this.sweep());
    this.timetable.every('storage.orphans', ORPHANS_EVERY_MS, () => this.removeOrphans());
  }

  /** Expired files, cut uploads, bytes of deleted files. */
  async sweep(unfinishedAfterMs = LONGEST_UPLOAD_MS): Promise<void> {
    await this.expiry.sweep();
    await this.leftovers.sweep(new Date(Date.now() - unfinishedAfterMs));
  }

  /** Removes orphans of either side, unless there are so many that the configuration must be wrong. */
  async removeOrphans(settledAfterMs?: number): Promise<void> {
    const found = await this.audit.findOrphans(settledAfterMs);
    this.orphans.set({ side: 'store' }, found.objectsWithoutRow.length);
    this.orphans.set({ side: 'database' }, found.rowsWithoutObject.length);
    if (this.isSuspicious(found)) {
      this.logger.error(
        { objects: found.objectsWithoutRow.length, rows: found.rowsWithoutObject.length },
        'most files have no counterpart: nothing is removed; check STORAGE_URL and DATABASE_URL',
      );
      return;
    }
    for (const { key } of found.objectsWithoutRow) await this.store.delete(key);
    for (const row of found.rowsWithoutObject) {
      this.logger.error({ fileId: row.id }, 'the bytes of a file are gone; its row is removed');
    }
    await this.writer.discard(found.rowsWithoutObject.map((row) => row.id));
  }

  private isSuspicious(found: StorageFindings): boolean {
    const [objects, rows] = [found.objectsWithoutRow.length, found.rowsWithoutObject.length];
    return (
      (objects > SUSPICIOUS && objects > found.objects / 2) ||
      (rows > SUSPICIOUS && rows > found.rows / 2)
    );
  }
}
