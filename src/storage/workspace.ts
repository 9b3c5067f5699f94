import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';

/** Folders for bytes on their way through this process, under DATA_DIR. */
@Injectable()
export class Workspace {
  private readonly root: string;

  constructor(config: Config) {
    this.root = path.join(config.process.dataDir, 'tmp', 'files');
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
