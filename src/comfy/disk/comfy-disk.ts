import { access, constants, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { JobLeases } from '../../jobs/index.js';
import { Timetable } from '../../platform/index.js';
import { OUTPUT_FOLDER, UPLOAD_TRUST_MS } from './names.js';

const EVERY_MS = 5 * 60_000;
/** No worker relies on an upload this old any more: each sends it anew after UPLOAD_TRUST_MS. */
const UPLOAD_AGE_MS = 3 * UPLOAD_TRUST_MS;
/** No prompt runs so long: what nobody knows here is another installation's, or its job was erased. */
const UNKNOWN_AGE_MS = 24 * 3_600_000;
const BATCH = 500;
const UPLOAD = /^hom-[0-9a-f]{64}\.(png|jpg|webp)$/;
const PROMPT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Why our files in this ComfyUI folder cannot be swept; undefined: they can. */
export const troubleWithDisk = async (folder: string): Promise<string | undefined> => {
  try {
    await access(path.join(folder, 'output'), constants.W_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

/**
 * Keeps our files from staying in the folders of the ComfyUIs on this machine (COMFYUI_DIRS), which
 * has no call to delete any: outputs once their job has ended, uploads that nobody relies on.
 */
@Injectable()
export class ComfyDisk implements OnModuleInit {
  private readonly logger = new Logger(ComfyDisk.name);

  constructor(
    private readonly config: Config,
    private readonly timetable: Timetable,
    private readonly leases: JobLeases,
  ) {}

  onModuleInit(): void {
    if (this.config.comfy.dirs.length > 0)
      this.timetable.every('comfy.disk', EVERY_MS, () => this.sweep());
  }

  /** Looks through every folder; one that cannot be read is logged. Several may sweep at once. */
  async sweep(now = Date.now()): Promise<void> {
    for (const folder of this.config.comfy.dirs) {
      try {
        await this.sweepOutputs(path.join(folder, 'output', OUTPUT_FOLDER), now);
        await this.sweepUploads(path.join(folder, 'temp'), now);
      } catch (error) {
        this.logger.warn({ err: error, folder }, 'a folder of COMFYUI_DIRS cannot be swept');
      }
    }
  }

  private async sweepOutputs(folder: string, now: number): Promise<void> {
    const prompts = (await namesIn(folder)).filter((name) => PROMPT.test(name));
    for (let at = 0; at < prompts.length; at += BATCH) {
      const batch = prompts.slice(at, at + BATCH);
      const done = new Set(await this.leases.findUnclaimedPrompts(batch));
      for (const name of batch) {
        const target = path.join(folder, name);
        if (done.has(name) || (await isOlder(target, now - UNKNOWN_AGE_MS))) await remove(target);
      }
    }
  }

  private async sweepUploads(folder: string, now: number): Promise<void> {
    for (const name of await namesIn(folder)) {
      const target = path.join(folder, name);
      if (UPLOAD.test(name) && (await isOlder(target, now - UPLOAD_AGE_MS))) await remove(target);
    }
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Empty when the folder is not there: ComfyUI makes it with its first file. */
const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });

const isOlder = async (target: string, moment: number): Promise<boolean> => {
  const found = await stat(target).catch(() => undefined);
  return found !== undefined && found.mtimeMs < moment;
};

const remove = (target: string): Promise<void> => rm(target, { recursive: true, force: true });
