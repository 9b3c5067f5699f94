import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import { filesError } from './storage.errors.js';

export interface Usage {
  readonly files: number;
  readonly bytes: number;
}

/** What each person stores, and how much of it is allowed. */
@Injectable()
export class FileUsage {
  constructor(
    private readonly config: Config,
    private readonly database: Database,
  ) {}

  async of(userId: string): Promise<Usage> {
    const row = await this.database.one<Usage>(
      'SELECT files, bytes FROM file_usage WHERE user_id = $1',
      [userId],
    );
    return row ?? { files: 0, bytes: 0 };
  }

  /** Throws files.quota_exceeded when nothing more fits: asked before an upload is decoded. */
  async checkRoom(userId: string): Promise<void> {
    const { files, bytes } = await this.of(userId);
    this.check({ files: files + 1, bytes: bytes + 1 });
  }

  /**
   * Throws files.quota_exceeded when the person is over the limit. Called in the transaction that
   * stored a file, after the usage row was counted up and is thereby locked: exact in parallel.
   */
  async checkLimit(userId: string): Promise<void> {
    this.check(await this.of(userId));
  }

  private check({ files, bytes }: Usage): void {
    const { quotaFiles, quotaBytes } = this.config.storage;
    const isOver = (quotaFiles > 0 && files > quotaFiles) || (quotaBytes > 0 && bytes > quotaBytes);
    if (!isOver) return;
    throw filesError(
      'files.quota_exceeded',
      'The space for your files is used up; delete some and upload again.',
      { extensions: { quotaFiles, quotaBytes } },
    );
  }
}
