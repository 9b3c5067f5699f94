import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import sharp from 'sharp';
import type { JobResult, LeaseHold } from '../../jobs/index.js';
import { Files } from '../../storage/index.js';
import { ProviderError, type TaskProvider, type TaskResult } from '../providers/provider.js';

const MAX_TRIES = 4;
const PAUSE_MS = 500;

export interface FinishedTask {
  readonly userId: string;
  readonly taskId: string;
  readonly provider: TaskProvider;
  readonly results: readonly TaskResult[];
}

/** Brings a finished task's results from the provider into storage, at once: their links live minutes. */
@Injectable()
export class ToolResults {
  constructor(private readonly files: Files) {}

  /**
   * Stores every result under the task's id; repeating it gives the same files. Throws ProviderError
   * (`bad-result` when a needed one is missing), LeaseLost or an error of Files.
   */
  async collect(task: FinishedTask, hold: LeaseHold): Promise<JobResult[]> {
    const stored: JobResult[] = [];
    for (const result of task.results) {
      try {
        stored.push({
          name: result.name,
          type: 'file',
          fileId: await this.bring(task, result, hold),
        });
      } catch (error) {
        if (!(error instanceof ProviderError && result.isOptional)) throw error;
      }
    }
    if (stored.length === 0) throw new ProviderError('bad-result', 'The task has no result.');
    return stored;
  }

  private async bring(task: FinishedTask, result: TaskResult, hold: LeaseHold): Promise<string> {
    let current = result;
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.fetch(task, current, hold);
      } catch (error) {
        const isPassing =
          error instanceof ProviderError && ['expired', 'unavailable'].includes(error.kind);
        if (!isPassing || tries === MAX_TRIES) throw error;
        await sleep(PAUSE_MS * tries, undefined, { signal: hold.signal });
        // Each look signs fresh addresses.
        current = await this.refresh(task, result, hold);
      }
    }
  }

  private async refresh(task: FinishedTask, result: TaskResult, hold: LeaseHold) {
    const now = await task.provider.look(task.taskId, hold.signal);
    const again = now.state === 'succeeded' && now.results.find(({ name }) => name === result.name);
    return again || result;
  }

  private async fetch(task: FinishedTask, result: TaskResult, hold: LeaseHold): Promise<string> {
    let fault: unknown;
    const checked = async function* () {
      try {
        yield* task.provider.download(result, hold.signal);
      } catch (error) {
        fault = error;
        throw error;
      }
    };
    try {
      const bytes = Readable.from(checked(), { objectMode: false });
      const source = result.form === 'picture' ? await normalised(await buffer(bytes)) : bytes;
      hold.assertLive();
      const file = await this.files.saveOutput(
        {
          userId: task.userId,
          jobId: hold.lease.jobId,
          name: result.name,
          discriminator: task.taskId.replace(/[^\w-]/g, '_'),
        },
        source,
      );
      return file.id;
    } catch (error) {
      // Storage calls every broken stream its own failure; the cause is what the provider did.
      throw fault ?? error;
    }
  }
}

/** Upright, sRGB, without metadata, in a form that every browser shows. */
const normalised = async (bytes: Buffer): Promise<Buffer> => {
  try {
    const picture = sharp(bytes).autoOrient().toColourspace('srgb');
    const { format } = await sharp(bytes).metadata();
    return await (format === 'jpeg' ? picture.jpeg({ quality: 95 }) : picture.png()).toBuffer();
  } catch (error) {
    throw new ProviderError('bad-result', 'The picture cannot be read.', { cause: error });
  }
};
