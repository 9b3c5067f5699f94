import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { Config } from '../../config/index.js';
import { digestOf } from '../digest.js';
import { FileRecords } from '../file-records.js';
import { asFilesError, FileWriter, isFull } from '../file-writer.js';
import type { FileRecord } from '../file.js';
import { safeName } from '../file-name.js';
import { originalKeyOf } from '../keys.js';
import { Pictures } from '../picture/pictures.js';
import { FileUsage } from '../usage.service.js';
import { Workspace } from '../workspace.js';
import { readForm, type Upload } from './multipart.js';

export interface ReceivedForm<F> {
  readonly file: F | undefined;
  readonly fields: Record<string, string>;
  /** Of the bytes as they were sent; for the fingerprint of an Idempotency-Key. */
  readonly sourceSha256: string | undefined;
}

/** Saves the pictures that people send. */
@Injectable()
export class Uploads {
  constructor(
    private readonly config: Config,
    private readonly workspace: Workspace,
    private readonly pictures: Pictures,
    private readonly records: FileRecords,
    private readonly writer: FileWriter,
    private readonly usage: FileUsage,
  ) {}

  /** See {@link Files.receive}. */
  async receive(
    request: Request,
    userId: string,
    field: string,
  ): Promise<ReceivedForm<FileRecord>> {
    try {
      return await this.workspace.use((folder) => this.receiveInto(folder, request, userId, field));
    } catch (error) {
      throw isFull(error) ? asFilesError(error) : error;
    }
  }

  private async receiveInto(
    folder: string,
    request: Request,
    userId: string,
    field: string,
  ): Promise<ReceivedForm<FileRecord>> {
    const { upload, fields } = await readForm(request, {
      field,
      folder,
      maxBytes: this.config.storage.uploadMaxBytes,
    });
    return {
      file: upload && (await this.save(userId, upload, folder)),
      fields,
      sourceSha256: upload?.sha256,
    };
  }

  private async save(userId: string, upload: Upload, folder: string): Promise<FileRecord> {
    const known = await this.records.renewInput(userId, upload.sha256);
    if (known) return known;
    // Not before the bytes are known: a repeat of what is stored already is answered also when full.
    await this.usage.checkRoom(userId);
    const picture = await this.pictures.normalise(upload.path, folder);
    const { sha256, sizeBytes } = await digestOf(picture.path);
    const id = randomUUID();
    const keepsOriginal = this.config.storage.keepOriginals;
    return this.writer.write(
      {
        id,
        ...(keepsOriginal && { originalKey: originalKeyOf(id) }),
        userId,
        kind: 'input',
        name: safeName(upload.name, picture.mimeType),
        mimeType: picture.mimeType,
        sizeBytes,
        sha256,
        sourceSha256: upload.sha256,
        width: picture.width,
        height: picture.height,
        note: picture.note,
      },
      picture.path,
      keepsOriginal ? upload.path : undefined,
    );
  }
}
