import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import { FileRecords } from './file-records.js';
import { FileWriter } from './file-writer.js';

/** Throws when the file must stay, such as files.in_use. Runs in the deleting transaction. */
export type DeleteCheck = (fileId: string) => Promise<void>;

/** Deleting one file, unless something needs it. */
@Injectable()
export class Deletion {
  private readonly checks: DeleteCheck[] = [];

  constructor(
    private readonly database: Database,
    private readonly records: FileRecords,
    private readonly writer: FileWriter,
  ) {}

  check(check: DeleteCheck): void {
    this.checks.push(check);
  }

  /** Throws files.not_found, or whatever a check refuses with. */
  async delete(userId: string, fileId: string): Promise<void> {
    await this.database.transaction(async () => {
      // Locked first: a job that takes the file as input waits, and then does not find it.
      const file = await this.records.getOwnForUpdate(userId, fileId);
      for (const check of this.checks) await check(file.id);
      await this.records.markDeleted([file.id]);
    });
    await this.writer.purgeById(fileId);
  }
}
