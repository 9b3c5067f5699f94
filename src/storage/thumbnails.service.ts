import path from 'node:path';
import type { Readable } from 'node:stream';
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { asFilesError } from './file-writer.js';
import type { FileRecord } from './file.js';
import { thumbnailKeyOf, type ThumbnailSize } from './keys.js';
import { Pictures } from './picture/pictures.js';
import { filesError } from './storage.errors.js';
import { OBJECT_STORE, ObjectMissing, type ObjectStore } from './store/object-store.js';
import { Workspace } from './workspace.js';

const MIME_TYPE = 'image/webp';

export interface Thumbnail {
  readonly stream: Readable;
  readonly sizeBytes: number;
  readonly mimeType: string;
}

/** Small WebP versions of pictures, made when first asked for and then kept beside the file. */
@Injectable()
export class Thumbnails {
  private readonly making = new Map<string, Promise<void>>();

  constructor(
    private readonly workspace: Workspace,
    private readonly pictures: Pictures,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /** Fits into `size` × `size` pixels, never enlarged. Throws files.not_found for what is no picture. */
  async open(file: FileRecord, size: ThumbnailSize): Promise<Thumbnail> {
    if (!file.mimeType.startsWith('image/')) {
      throw filesError('files.not_found', 'Only pictures have thumbnails.');
    }
    const key = thumbnailKeyOf(file.id, size);
    try {
      if (!(await this.store.find(key))) await this.make(file, size, key);
      const found = await this.store.find(key);
      if (!found) throw new ObjectMissing(key);
      return {
        stream: await this.store.open(key),
        sizeBytes: found.sizeBytes,
        mimeType: MIME_TYPE,
      };
    } catch (error) {
      if (error instanceof ObjectMissing) {
        throw filesError('files.not_found', 'The file was deleted.', { cause: error });
      }
      throw asFilesError(error);
    }
  }

  /** Many askers, one decode. Another process may make it too: the same bytes under the same key. */
  private make(file: FileRecord, size: ThumbnailSize, key: string): Promise<void> {
    const running = this.making.get(key);
    if (running) return running;
    const work = this.workspace
      .use(async (folder) => {
        const source = path.join(folder, 'source');
        await pipeline(await this.store.open(file.storageKey), createWriteStream(source));
        const target = path.join(folder, 'thumbnail');
        await this.pictures.shrink(source, target, size);
        const { size: sizeBytes } = await stat(target);
        await this.store.put(key, target, { mimeType: MIME_TYPE, sizeBytes });
      })
      .finally(() => this.making.delete(key));
    this.making.set(key, work);
    return work;
  }
}
