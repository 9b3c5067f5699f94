import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { contentDisposition } from './file-name.js';
import { asFilesError } from './file-writer.js';
import type { FileRecord } from './file.js';
import { filesError } from './storage.errors.js';
import {
  OBJECT_STORE,
  ObjectMissing,
  type ByteRange,
  type ObjectStore,
} from './store/object-store.js';

const DIRECT_FROM_BYTES = 10_000_000;
const DIRECT_SECONDS = 60;

/** Reading the bytes behind a row. */
@Injectable()
export class FileBytes {
  constructor(@Inject(OBJECT_STORE) private readonly store: ObjectStore) {}

  /**
   * Where the store itself serves a large file for a minute; undefined: fetch it through us. Small
   * files are not worth a second request.
   */
  async directUrl(file: FileRecord): Promise<string | undefined> {
    if (file.sizeBytes < DIRECT_FROM_BYTES) return undefined;
    return this.store.presign(file.storageKey, {
      expiresInSeconds: DIRECT_SECONDS,
      contentType: file.mimeType,
      contentDisposition: contentDisposition(file.name, file.mimeType),
    });
  }

  /** See {@link ObjectStore.localPath}. */
  localPath(file: FileRecord): string | undefined {
    return this.store.localPath(file.storageKey);
  }

  /** All bytes, or a part. Throws files.not_found or files.storage_failed. */
  async open(file: FileRecord, range?: ByteRange): Promise<Readable> {
    try {
      return await this.store.open(file.storageKey, range);
    } catch (error) {
      if (error instanceof ObjectMissing) {
        throw filesError('files.not_found', 'The bytes of this file are gone.', { cause: error });
      }
      throw asFilesError(error);
    }
  }
}
