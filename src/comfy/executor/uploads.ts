import { Injectable } from '@nestjs/common';
import { Files } from '../../storage/index.js';
import type { ComfyClient } from '../client/index.js';
import { UPLOAD_TRUST_MS } from '../disk/names.js';

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

interface Upload {
  /** For LoadImage. */
  readonly value: string;
  readonly at: number;
}

/**
 * Pictures on their way to ComfyUI, named by content: what is there already is not sent again. The
 * memory of what is there ends with {@link forget}, because a restart wipes ComfyUI's temp folder, and
 * after hours, so that what is old there can be removed.
 */
@Injectable()
export class Uploads {
  private readonly sent = new WeakMap<ComfyClient, Map<string, Upload>>();

  constructor(private readonly files: Files) {}

  /** Returns the value for LoadImage. Safe to repeat. */
  async send(client: ComfyClient, fileId: string): Promise<string> {
    const known = this.sent.get(client) ?? new Map<string, Upload>();
    this.sent.set(client, known);
    const file = await this.files.find(fileId);
    if (!file) throw new Error(`The input file ${fileId} is gone.`);
    const earlier = known.get(file.sha256);
    if (earlier && earlier.at > Date.now() - UPLOAD_TRUST_MS) return earlier.value;
    const name = `hom-${file.sha256}.${EXTENSIONS[file.mimeType] ?? 'png'}`;
    const at = Date.now();
    const value = await client.http.upload(name, await this.files.open(fileId));
    known.set(file.sha256, { value, at });
    return value;
  }

  forget(client: ComfyClient): void {
    this.sent.delete(client);
  }
}
