import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import { Files, filesError } from '../storage/index.js';

/** Keeps the pictures of open jobs: a file that one uses cannot be deleted. */
@Injectable()
export class JobFiles {
  constructor(database: Database, files: Files) {
    files.onBeforeDelete(async (fileId) => {
      const user = await database.one(
        `SELECT 1 FROM job_inputs JOIN jobs ON jobs.id = job_inputs.job_id
         WHERE job_inputs.file_id = $1 AND jobs.finished_at IS NULL`,
        [fileId],
      );
      if (user) {
        throw filesError(
          'files.in_use',
          'An open job uses this file; wait for its end or cancel it first.',
        );
      }
    });
  }
}
