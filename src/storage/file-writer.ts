import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Database, DomainError } from '../platform/index.js';
import { filesError } from './storage.errors.js';
import { FileRecords, type Draft } from './file-records.js';
import { extensionOf } from './file-name.js';
import type { FileRecord } from './file.js';
import { OBJECT_STORE, StoreFull, type ObjectStore } from './store/object-store.js';

/** Size and sha256 (lower-case hex) of a file on disk, read as a stream. */
export const hashOf = async (path: string): Promise<{ sha256: string; sizeBytes: number }> => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
};

/** A full or failing store in the terms of the API; refusals stay as they are. */
export const asFilesError = (error: unknown): unknown => {
  if (error instanceof DomainError) return error;
  const isFull =
    error instanceof StoreFull ||
    (error instanceof Error && 'code' in error && error.code === 'ENOSPC');
  return isFull
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
    private readonly records: FileRecords,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /**
   * Stores the file at `path` and returns its row; when the same input or output was stored
   * meanwhile, that one. Throws files.storage_full (507) or files.storage_failed (503).
   */
  async write(draft: Draft, path: string): Promise<FileRecord> {
    if (this.database.isInTransaction) {
      throw new Error('Files are written outside transactions: the pending row commits first.');
    }
    const key = this.keyOf(draft);
    await this.records.insertPending(draft, key);
    try {
      await this.store.put(key, path, draft);
      const stored = await this.records.markStored(draft.id);
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
    const keys = await this.records.markDeleted(ids);
    // The rows are committed as deleted first: a reader never meets a row without bytes.
    if (this.database.isInTransaction) return;
    for (const key of keys) await this.purge(key);
  }

  /** Removes the bytes of a deleted row. */
  async purge(storageKey: string): Promise<void> {
    await this.store.delete(storageKey);
    await this.records.markPurged(storageKey);
  }

  private findWinner(draft: Draft): Promise<FileRecord | undefined> {
    if (draft.jobId !== undefined && draft.discriminator !== undefined) {
      return this.records.findOutput(draft.jobId, draft.discriminator, draft.name);
    }
    return this.records.findInputBySource(draft.userId, draft.sourceSha256 ?? '');
  }

  /** With the file's own id in it, no key is ever written twice. */
  private keyOf(draft: Draft): string {
    const name = `${draft.id}.${extensionOf(draft.mimeType)}`;
    return draft.kind === 'input'
      ? `inputs/${draft.userId}/${name}`
      : `outputs/${draft.jobId}/${draft.discriminator}/${name}`;
  }
}
