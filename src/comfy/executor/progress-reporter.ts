import type { JobProgress, LeaseHold } from '../../jobs/index.js';
import type { NodeProgress } from '../protocol/index.js';
import type { Step } from '../workflows/workflow.js';
import { ProgressMeter } from './progress-meter.js';

/** At most two rows a second; in between only the newest reading and preview are kept. */
const PERIOD_MS = 500;
/** The rest belongs to collecting the results. */
const GPU_SHARE = 0.95;

/** Writes a prompt's progress as rows, thinned. Failing to write is no reason to stop the job. */
export class ProgressReporter {
  private readonly meter: ProgressMeter;
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();
  private picture: { mimeType: string; bytes: Buffer } | undefined;
  private isStopped = false;

  constructor(
    private readonly progress: JobProgress,
    private readonly hold: LeaseHold,
    steps: readonly Step[],
  ) {
    this.meter = new ProgressMeter(steps);
  }

  enter(nodeId: string): void {
    this.meter.enter(nodeId);
    this.schedule();
  }

  report(nodes: readonly NodeProgress[]): void {
    this.meter.report(nodes);
    this.schedule();
  }

  preview(mimeType: string, bytes: Buffer): void {
    this.picture = { mimeType, bytes };
    this.schedule();
  }

  /** Resolves when nothing is being written any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.writing;
  }

  private schedule(): void {
    if (this.isStopped) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.writing = this.writing.then(() => this.write()).catch(() => undefined);
    }, PERIOD_MS);
  }

  private async write(): Promise<void> {
    const { percent, step } = this.meter.reading;
    await this.progress.report(this.hold.lease, percent * GPU_SHARE, step);
    const { picture } = this;
    this.picture = undefined;
    if (picture) await this.progress.preview(this.hold.lease, picture.mimeType, picture.bytes);
  }
}
