import { createWriteStream } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Person } from '../auth/index.js';
import { FileBytes } from './bytes.service.js';
import { Deletion, type DeleteCheck } from './deletion.service.js';
import { filesError } from './storage.errors.js';
import { FileRecords } from './file-records.js';
import { asFilesError } from './file-writer.js';
import type { FileView } from './files.dto.js';
import type { FileRecord, StoredFile } from './file.js';
import { FileLinks } from './links.service.js';
import { Outputs, type Output } from './outputs.service.js';
import { Uploads } from './upload/uploads.js';
import { Workspace } from './workspace.js';

export interface OpenFile {
  readonly stream: Readable;
  readonly sizeBytes: number;
  readonly mimeType: string;
}

/** Files of persons: saving pictures, storing what jobs make, reading, linking, deleting. */
@Injectable()
export class Files {
  constructor(
    private readonly records: FileRecords,
    private readonly uploads: Uploads,
    private readonly outputs: Outputs,
    private readonly links: FileLinks,
    private readonly bytes: FileBytes,
    private readonly deletion: Deletion,
    private readonly workspace: Workspace,
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

  /**
   * Pictures which the person saved, in the order of the ids. Inside a transaction they cannot be deleted
   * before that ends. Throws files.not_found, also for another's and for outputs.
   */
  async holdInputs(personId: string, fileIds: readonly string[]): Promise<StoredFile[]> {
    const files = await this.records.getAllOwnForShare(personId, fileIds);
    if (files.every(({ kind }) => kind === 'input')) return files;
    throw filesError('files.not_found', 'This is not a saved picture; upload it as one first.');
  }

  /** Those of the files that exist, in no order. */
  findAll(fileIds: readonly string[]): Promise<StoredFile[]> {
    return this.records.findAll(fileIds);
  }

  find(fileId: string): Promise<StoredFile | undefined> {
    return this.records.find(fileId);
  }

  /** The bytes as a stream. Throws files.not_found or files.storage_failed. */
  async open(fileId: string): Promise<OpenFile> {
    const file = await this.existing(fileId);
    return {
      stream: await this.bytes.open(file),
      sizeBytes: file.sizeBytes,
      mimeType: file.mimeType,
    };
  }

  /**
   * Gives `work` the path of the bytes, for reading alone and only while it runs: for what reads a picture
   * of any size without holding it in memory. A copy is made where they lie elsewhere. Throws as
   * {@link open}, and what `work` throws.
   */
  async useFile<T>(fileId: string, work: (path: string) => Promise<T>): Promise<T> {
    const file = await this.existing(fileId);
    const local = this.bytes.localPath(file);
    if (local !== undefined) return work(local);
    return this.workspace.use(async (folder) => {
      const copy = path.join(folder, 'copy');
      await pipeline(await this.bytes.open(file), createWriteStream(copy)).catch(
        (error: unknown) => {
          throw asFilesError(error);
        },
      );
      return work(copy);
    });
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
      ...(file.mimeType.startsWith('image/') && {
        thumbnailUrl: this.links.viewUrl(file.id, 256),
      }),
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
    this.deletion.check(check);
  }

  /** Deletes a file of the person with its bytes. Throws files.not_found or files.in_use. */
  delete(personId: string, fileId: string): Promise<void> {
    return this.deletion.delete(personId, fileId);
  }

  private async existing(fileId: string): Promise<FileRecord> {
    const file = await this.records.find(fileId);
    if (!file) throw filesError('files.not_found', 'The file was deleted.');
    return file;
  }
}
