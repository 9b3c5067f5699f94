import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Disk } from 'flydrive';
import { FSDriver } from 'flydrive/drivers/fs';
import { READ_BYTES } from '../read-size.js';
import {
  checkKey,
  ObjectMissing,
  StoreFull,
  type ByteRange,
  type ObjectStore,
  type StoredObject,
} from './object-store.js';

/** Begins with a dot, which no key does: never listed, never served. */
const INCOMING = '.incoming';

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** ENOSPC and EDQUOT as {@link StoreFull}; everything else unchanged. */
export const asStoreError = (error: unknown): unknown =>
  ['ENOSPC', 'EDQUOT'].includes(String(codeOf(error)))
    ? new StoreFull('no space left for the file', { cause: error })
    : error;

/** Makes a written file, or a folder's new entry, survive a power cut. */
const sync = async (target: string): Promise<void> => {
  const handle = await open(target, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Objects as files in a local folder: written under a temporary name, fsynced, then renamed. */
export class LocalStore implements ObjectStore {
  private readonly disk: Disk;

  constructor(private readonly root: string) {
    this.disk = new Disk(new FSDriver({ location: root, visibility: 'private' }));
  }

  async put(key: string, sourcePath: string): Promise<void> {
    const target = this.pathOf(key);
    const incoming = path.join(this.root, INCOMING, randomUUID());
    try {
      await mkdir(path.dirname(incoming), { recursive: true });
      await this.makeFolder(path.dirname(target));
      // A clone where the file system can, else a copy: the source may lie on another disk.
      await copyFile(sourcePath, incoming, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      await sync(incoming);
      await rename(incoming, target);
      await sync(path.dirname(target));
    } catch (error) {
      await rm(incoming, { force: true }).catch(() => undefined);
      throw asStoreError(error);
    }
  }

  async open(key: string, range?: ByteRange): Promise<Readable> {
    const location = this.pathOf(key);
    try {
      // Opened here, so that a missing object is an error of this call and not of the stream.
      const handle = await open(location, 'r');
      return createReadStream(location, { fd: handle, highWaterMark: READ_BYTES, ...range });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw new ObjectMissing(key);
      throw error;
    }
  }

  localPath(key: string): string {
    return this.pathOf(key);
  }

  async find(key: string): Promise<StoredObject | undefined> {
    if (!(await this.disk.exists(checkKey(key)))) return undefined;
    const { contentLength, lastModified } = await this.disk.getMetaData(key);
    return { key, sizeBytes: contentLength, modifiedAt: lastModified };
  }

  async delete(key: string): Promise<void> {
    await this.disk.delete(checkKey(key));
  }

  async *list(): AsyncIterable<StoredObject> {
    const { objects } = await this.disk.listAll('/', { recursive: true });
    for (const object of objects) {
      if (!object.isFile || object.key.startsWith(`${INCOMING}/`)) continue;
      const found = await stat(path.join(this.root, object.key)).catch(() => undefined);
      if (found) yield { key: object.key, sizeBytes: found.size, modifiedAt: found.mtime };
    }
  }

  presign(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async sweepUnfinished(before: Date): Promise<number> {
    const folder = path.join(this.root, INCOMING);
    let removed = 0;
    for (const name of await readdir(folder).catch(() => [])) {
      const found = await stat(path.join(folder, name)).catch(() => undefined);
      if (!found || found.mtime >= before) continue;
      await rm(path.join(folder, name), { force: true });
      removed += 1;
    }
    return removed;
  }

  async check(): Promise<void> {
    await mkdir(this.root, { recursive: true });
    await access(this.root, constants.R_OK | constants.W_OK);
  }

  /** New folders survive a power cut as well: an entry is safe once its parent is synced. */
  private async makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true });
    if (first === undefined) return;
    for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
      await sync(path.dirname(made));
    }
  }

  private pathOf(key: string): string {
    return path.join(this.root, ...checkKey(key).split('/'));
  }
}
