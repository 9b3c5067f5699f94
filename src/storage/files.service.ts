import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Person } from '../auth/index.js';
import { filesError } from './storage.errors.js';
import { FileRecords } from './file-records.js';
import { asFilesError, FileWriter } from './file-writer.js';
import type { FileView } from './files.dto.js';
import type { FileRecord, StoredFile } from './file.js';
import { FileLinks } from './links.service.js';
import { Outputs, type Output } from './outputs.service.js';
import {
  OBJECT_STORE,
  ObjectMissing,
  type ByteRange,
  type ObjectStore,
} from './store/object-store.js';
import { Uploads } from './upload/uploads.js';

/** Throws when the file must stay, such as files.in_use. Runs in the deleting transaction. */
export type DeleteCheck = (fileId: string) => Promise<void>;

export interface OpenFile {
  readonly stream: Readable;
  readonly sizeBytes: number;
  readonly mimeType: string;
}

/** Files of persons: saving pictures, storing what jobs make, reading, linking, deleting. */
@Injectable()
export class Files {
  private readonly checks: DeleteCheck[] = [];

  constructor(
    private readonly records: FileRecords,
    private readonly uploads: Uploads,
    private readonly outputs: Outputs,
    private readonly writer: FileWriter,
    private readonly links: FileLinks,
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
  ) {}

  /**
   * Streams a multipart body: saves the picture of `field` and collects the text fields. The same
   * bytes of the same person give the same file. `sourceSha256` is of the bytes as sent. Throws
   * files.too_large, files.unsupported_type, files.unreadable, files.malformed_form,
   * files.storage_full or http.unsupported_media_type.
   */
  receive(
    request: Request,
    person: Pick<Person, 'id'>,
    { field }: { field: string },
  ): Promise<{
    file: StoredFile | undefined;
    fields: Record<string, string>;
    sourceSha256: string | undefined;
  }> {
    return this.uploads.receive(request, person.id, field);
  }

  /** A picture that the person saved. Throws files.not_found, also for another's and for outputs. */
  async getInput(personId: string, fileId: string): Promise<StoredFile> {
    const file = await this.records.getOwn(personId, fileId);
    if (file.kind === 'input') return file;
    throw filesError('files.not_found', 'This is not a saved picture; upload it as one first.');
  }

  find(fileId: string): Promise<StoredFile | undefined> {
    return this.records.find(fileId);
  }

  /** The bytes as a stream. Throws files.not_found or files.storage_failed. */
  async open(fileId: string): Promise<OpenFile> {
    const file = await this.records.find(fileId);
    if (!file) throw filesError('files.not_found', 'The file was deleted.');
    return {
      stream: await this.read(file),
      sizeBytes: file.sizeBytes,
      mimeType: file.mimeType,
    };
  }

  /** All bytes in memory: for pictures, whose size is limited. Throws as {@link open}. */
  async readAll(fileId: string): Promise<Buffer> {
    const { stream } = await this.open(fileId);
    return buffer(stream);
  }

  /**
   * Stores what one start of a job made; repeating it returns the first file. Call outside
   * transactions. The type is taken from the content. Throws files.storage_full or
   * files.storage_failed.
   */
  saveOutput(output: Output, source: Buffer | Readable): Promise<StoredFile> {
    return this.outputs.save(output, source);
  }

  /** Removes what a start of a job stored, complete or not. Repeating it is harmless. */
  discardOutputs(jobId: string, discriminator: string): Promise<void> {
    return this.outputs.discard(jobId, discriminator);
  }

  /** The API's JSON of a file, with a short signed `url`. */
  view(file: StoredFile): FileView {
    return {
      id: file.id,
      kind: file.kind,
      name: file.name,
      mimeType: file.mimeType,
      sizeBytes: file.sizeBytes,
      width: file.width,
      height: file.height,
      sha256: file.sha256,
      ...(file.jobId !== null && { jobId: file.jobId }),
      createdAt: file.createdAt.toISOString(),
      ...(file.note !== null && { note: file.note }),
      url: this.links.viewUrl(file.id),
    };
  }

  /** A link that works without a login until it expires or is withdrawn. */
  link(
    fileId: string,
    { expiresInSeconds }: { expiresInSeconds: number },
  ): Promise<{ id: string; url: string; expiresAt: Date }> {
    return this.links.create(fileId, expiresInSeconds);
  }

  /** Registers a reason against deleting; call while the application starts. */
  onBeforeDelete(check: DeleteCheck): void {
    this.checks.push(check);
  }

  /** Deletes a file of the person with its bytes. Throws files.not_found or files.in_use. */
  async delete(personId: string, fileId: string): Promise<void> {
    const file = await this.records.getOwn(personId, fileId);
    for (const check of this.checks) await check(file.id);
    await this.writer.discard([file.id]);
  }

  /** Bytes, or a part, of a record at hand. */
  async read(file: FileRecord, range?: ByteRange): Promise<Readable> {
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
