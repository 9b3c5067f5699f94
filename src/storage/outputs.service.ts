import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import { fileTypeFromFile } from 'file-type';
import sharp from 'sharp';
import { FileRecords } from './file-records.js';
import { digestOf, type Digest } from './digest.js';
import { asFilesError, FileWriter } from './file-writer.js';
import { safeName } from './file-name.js';
import type { FileRecord } from './file.js';
import { copyWithoutMetadata } from './picture/metadata.js';
import { Workspace } from './workspace.js';

export interface Output {
  readonly userId: string;
  readonly jobId: string;
  /** Distinct per output of one start; also the readable name. */
  readonly name: string;
  /** The start that made it (its prompt id): letters, digits, `_`, `-` and inner dots. */
  readonly discriminator: string;
  /** Believed only for types without magic bytes: text, JSON. */
  readonly mimeType?: string;
}

const TYPES_WITHOUT_MAGIC = new Set(['text/plain', 'application/json']);

/** Stores what jobs make. */
@Injectable()
export class Outputs {
  constructor(
    private readonly workspace: Workspace,
    private readonly records: FileRecords,
    private readonly writer: FileWriter,
  ) {}

  /** See {@link Files.saveOutput}. */
  save(output: Output, source: Buffer | Readable): Promise<FileRecord> {
    return this.workspace.use(async (folder) => {
      const target = path.join(folder, 'output');
      await pipeline(
        Buffer.isBuffer(source) ? Readable.from([source]) : source,
        createWriteStream(target, { flags: 'wx' }),
      ).catch((error: unknown) => {
        throw asFilesError(error);
      });
      const mimeType = await this.typeOf(target, output.mimeType);
      const name = safeName(output.name, mimeType);
      const known = await this.records.findOutput(output.jobId, output.discriminator, name);
      if (known) return known;
      const { width, height } = await this.dimensions(target, mimeType);
      const kept = await this.withoutMetadata(target, mimeType);
      return this.writer.write(
        {
          id: randomUUID(),
          userId: output.userId,
          kind: 'output',
          name,
          mimeType,
          width,
          height,
          ...kept.digest,
          note: null,
          jobId: output.jobId,
          discriminator: output.discriminator,
        },
        kept.path,
      );
    });
  }

  /** See {@link Files.discardOutputs}. */
  async discard(jobId: string, discriminator: string): Promise<void> {
    await this.writer.discard(await this.records.outputIds(jobId, discriminator));
  }

  private async withoutMetadata(
    target: string,
    mimeType: string,
  ): Promise<{ path: string; digest: Digest }> {
    const bare = `${target}-bare`;
    const copied = await copyWithoutMetadata(target, bare, mimeType).catch((error: unknown) => {
      throw asFilesError(error);
    });
    return copied
      ? { path: bare, digest: copied }
      : { path: target, digest: await digestOf(target) };
  }

  private async typeOf(target: string, claimed: string | undefined): Promise<string> {
    const found = await fileTypeFromFile(target).catch(() => undefined);
    if (found) return found.mime === 'image/apng' ? 'image/png' : found.mime;
    return claimed && TYPES_WITHOUT_MAGIC.has(claimed) ? claimed : 'application/octet-stream';
  }

  private async dimensions(
    target: string,
    mimeType: string,
  ): Promise<{ width: number | null; height: number | null }> {
    const none = { width: null, height: null };
    if (!mimeType.startsWith('image/')) return none;
    const metadata = await sharp(target, { limitInputPixels: false })
      .metadata()
      .catch(() => undefined);
    if (!metadata) return none;
    return { width: metadata.width, height: metadata.pageHeight ?? metadata.height };
  }
}
