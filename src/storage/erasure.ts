import { Injectable, type OnModuleInit } from '@nestjs/common';
import { People } from '../auth/index.js';
import { FileRecords } from './file-records.js';
import { FileWriter } from './file-writer.js';

/** Deletes an erased person's files: the rows with the erasure, the bytes with the next sweep. */
@Injectable()
export class FilesErasure implements OnModuleInit {
  constructor(
    private readonly people: People,
    private readonly records: FileRecords,
    private readonly writer: FileWriter,
  ) {}

  onModuleInit(): void {
    this.people.onErase(async (personId) => {
      await this.writer.discard(await this.records.idsOf(personId));
    });
  }
}
