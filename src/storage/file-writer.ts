import { stat } from 'node:fs/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { People } from '../auth/index.js';
import { Database, DomainError } from '../platform/index.js';
import { filesError } from './storage.errors.js';
import { FileRecords, isUniqueViolation, type Deleted, type Draft } from './file-records.js';
import { derivedKeysOf, keyOf, originalKeyOf } from './keys.js';
import type { FileRecord } from './file.js';
import { FileUsage } from './usage.service.js';
import { checkKey, OBJECT_STORE, StoreFull, type ObjectStore } from './store/object-store.js';

/** True when there was no space for what was being written. */
export const isFull = (error: unknown): boolean =>
  error instanceof StoreFull ||
  (error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code)));

/** A full or failing store in the terms of the API; refusals stay as they are. */
export const asFilesError = (error: unknown): unknown => {
  if (error instanceof DomainError) return error;
  return isFull(error)
    ? filesError('files.storage_full', 'Our storage is full; try again later.', { cause: error })
    : filesError('files.storage_failed', 'The file store does not answer; try again.', {
        cause: error,
      });
};

/**
 * The one way of bytes into the store: row `pending`, then the object, then row `stored`. Cut
 * anywhere, no row points at missing or partial bytes; leftovers are swept by age.
 */
@Injectable()
export class FileWriter {
  private readonly logger = new Logger(FileWriter.name);

  constructor(
    private readonly database: Database,
    private readonly people: People,
    private readonly records: FileRecords,
    private readonly usage: FileUsage,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /**
   * Stores the file at `path` and returns its row; when the same input or output was stored
   * meanwhile, that one. Throws files.storage_full (507) or files.storage_failed (503).
   */
  async write(draft: Draft, path: string, original?: string): Promise<FileRecord> {
    if (this.database.isInTransaction) {
      throw new Error('Files are written outside transactions: the pending row commits first.');
    }
    const key = checkKey(keyOf(draft));
    await this.records.insertPending(draft, key);
    try {
      if (original !== undefined) await this.putOriginal(draft, original);
      await this.store.put(key, path, draft);
      const stored = await this.markStored(draft);
      if (stored) return stored;
      const winner = await this.findWinner(draft);
      if (!winner) throw new Error(`The file ${draft.id} was removed while it was being stored.`);
      await this.discard([draft.id]);
      return winner;
    } catch (error) {
      await this.discard([draft.id]).catch((discardError: unknown) =>
        this.logger.warn({ err: discardError, fileId: draft.id }, 'left for the sweep'),
      );
      throw asFilesError(error);
    }
  }

  /** Removes rows and their bytes. Repeating it is harmless; bytes that resist are swept later. */
  async discard(ids: readonly string[]): Promise<void> {
    const deleted = await this.records.markDeleted(ids);
    // The rows are committed as deleted first: a reader never meets a row without bytes.
    if (this.database.isInTransaction) return;
    for (const file of deleted) await this.purge(file);
  }

  /**
   * Removes the bytes of a deleted row and all that was derived from them. Never rejects for what the
   * store refuses: the row stays unpurged and a later sweep tries again.
   */
  async purge({ id, storageKey }: Deleted): Promise<void> {
    try {
      for (const key of [storageKey, ...derivedKeysOf(id)]) await this.store.delete(key);
      await this.records.markPurged(id);
    } catch (error) {
      this.logger.warn({ err: error, fileId: id }, 'its bytes are left for the sweep');
    }
  }

  /** Removes the bytes of this file if it was deleted; inside a transaction the sweep does it. */
  async purgeById(id: string): Promise<void> {
    if (this.database.isInTransaction) return;
    const file = await this.records.findDeleted(id);
    if (file) await this.purge(file);
  }

  /** A job's result is kept whatever the quota says: it is paid for. */
  private markStored(draft: Draft): Promise<FileRecord | undefined> {
    return this.database
      .transaction(async () => {
        // A row that the erasure could not see yet is not to come into being after it.
        if (draft.kind === 'input') await this.people.hold(draft.userId);
        const stored = await this.records.markStored(draft.id);
        if (stored?.kind === 'input') await this.usage.checkLimit(draft.userId);
        return stored;
      })
      .catch((error: unknown) => {
        if (isUniqueViolation(error)) return undefined;
        throw error;
      });
  }

  private async putOriginal(draft: Draft, path: string): Promise<void> {
    const { size } = await stat(path);
    await this.store.put(originalKeyOf(draft.id), path, {
      mimeType: 'application/octet-stream',
      sizeBytes: size,
    });
  }

  private findWinner(draft: Draft): Promise<FileRecord | undefined> {
    if (draft.jobId !== undefined && draft.discriminator !== undefined) {
      return this.records.findOutput(draft.jobId, draft.discriminator, draft.name);
    }
    return this.records.renewInput(draft.userId, draft.sourceSha256 ?? '');
  }
}
