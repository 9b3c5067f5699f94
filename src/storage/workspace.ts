import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Timetable } from '../platform/index.js';

const SWEEP_EVERY_MS = 10 * 60_000;
/** No upload and no store takes longer: what is older and unfinished was cut. */
export const LONGEST_UPLOAD_MS = 20 * 60_000;

/** Folders for bytes on their way through this process, under DATA_DIR. */
@Injectable()
export class Workspace implements OnModuleInit {
  private readonly root: string;

  constructor(
    config: Config,
    private readonly timetable: Timetable,
  ) {
    this.root = path.join(config.process.dataDir, 'tmp', 'files');
  }

  /** In every role: this disk may be no other process's. */
  onModuleInit(): void {
    this.timetable.every('storage.workspace', SWEEP_EVERY_MS, async () => {
      await this.sweep(new Date(Date.now() - LONGEST_UPLOAD_MS));
    });
  }

  /** Gives `work` an empty folder and removes it with its content when `work` has ended. */
  async use<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = path.join(this.root, randomUUID());
    await mkdir(folder, { recursive: true });
    try {
      return await work(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Removes folders of processes that died, by age; returns how many. */
  async sweep(before: Date): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.root).catch(() => [])) {
      const found = await stat(path.join(this.root, name)).catch(() => undefined);
      if (!found || found.mtime >= before) continue;
      await rm(path.join(this.root, name), { recursive: true, force: true });
      removed += 1;
    }
    return removed;
  }
}
