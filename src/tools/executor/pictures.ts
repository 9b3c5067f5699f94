import { Injectable } from '@nestjs/common';
import sharp from 'sharp';
import { Database } from '../../platform/index.js';
import { Files } from '../../storage/index.js';
import type { Picture } from '../providers/provider.js';

const ACCEPTED = new Set(['image/jpeg', 'image/png', 'image/webp']);
const MAX_BYTES = 20_000_000;
const MAX_SIDE = 4_096;

/** A job's pictures in a form and size that every provider takes. */
@Injectable()
export class JobPictures {
  constructor(
    private readonly database: Database,
    private readonly files: Files,
  ) {}

  /** By role. Throws the errors of Files. */
  async of(jobId: string): Promise<Map<string, Picture>> {
    const rows = await this.database.query<{ role: string; fileId: string }>(
      'SELECT role, file_id AS "fileId" FROM job_inputs WHERE job_id = $1',
      [jobId],
    );
    const pictures = new Map<string, Picture>();
    for (const { role, fileId } of rows) pictures.set(role, await this.read(fileId));
    return pictures;
  }

  private async read(fileId: string): Promise<Picture> {
    const file = await this.files.find(fileId);
    const bytes = await this.files.readAll(fileId);
    const { width, height, mimeType } = file ?? {};
    if (width && height && mimeType && ACCEPTED.has(mimeType) && bytes.length <= MAX_BYTES) {
      return { bytes, mimeType, width, height };
    }
    const { data, info } = await sharp(bytes)
      .autoOrient()
      .resize({ width: MAX_SIDE, height: MAX_SIDE, fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: 92 })
      .toBuffer({ resolveWithObject: true });
    return { bytes: data, mimeType: 'image/jpeg', width: info.width, height: info.height };
  }
}
