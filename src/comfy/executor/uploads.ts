import { Injectable } from '@nestjs/common';
import { Files } from '../../storage/index.js';
import type { ComfyClient } from '../client/index.js';

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

/**
 * Pictures on their way to ComfyUI, named by content: what is there already is not sent again. The
 * memory of what is there ends with {@link forget}, because a restart wipes ComfyUI's temp folder.
 */
@Injectable()
export class Uploads {
  private readonly sent = new WeakMap<ComfyClient, Map<string, string>>();

  constructor(private readonly files: Files) {}

  /** Returns the value for LoadImage. Safe to repeat. */
  async send(client: ComfyClient, fileId: string): Promise<string> {
    const known = this.sent.get(client) ?? new Map<string, string>();
    this.sent.set(client, known);
    const file = await this.files.find(fileId);
    if (!file) throw new Error(`The input file ${fileId} is gone.`);
    const earlier = known.get(file.sha256);
    if (earlier !== undefined) return earlier;
    const name = `hom-${file.sha256}.${EXTENSIONS[file.mimeType] ?? 'png'}`;
    const value = await client.http.upload(name, await this.files.open(fileId));
    known.set(file.sha256, value);
    return value;
  }

  forget(client: ComfyClient): void {
    this.sent.delete(client);
  }
}
