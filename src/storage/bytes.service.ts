import type { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { asFilesError } from './file-writer.js';
import type { FileRecord } from './file.js';
import { filesError } from './storage.errors.js';
import {
  OBJECT_STORE,
  ObjectMissing,
  type ByteRange,
  type ObjectStore,
} from './store/object-store.js';

/** Reading the bytes behind a row. */
@Injectable()
export class FileBytes {
  constructor(@Inject(OBJECT_STORE) private readonly store: ObjectStore) {}

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
