import { Logger } from '@nestjs/common';
import { Worker, type Queue } from 'bullmq';
import type { JobLeases, PickedJob, ProviderTasks } from '../../jobs/index.js';
import type { ToolExecutor } from '../executor/tool-executor.js';
import type { Tool } from '../tool.js';

const TICK_MS = 1_000;
const KEEP_RECORDS = { age: 3_600, count: 1_000 };

/** What lies in the lane's BullMQ queue: ids, never content. */
export interface ToolRecord {
  readonly jobId: string;
  readonly epoch: number;
}

export interface ToolLaneParts {
  readonly leases: JobLeases;
  readonly tasks: ProviderTasks;
  readonly executor: ToolExecutor;
  /** 1 while nothing new is begun because the operator must act. */
  readonly showPaused: (isPaused: boolean) => void;
}

/**
 * A provider's lane in this process: picks jobs in person-turn order into the provider's BullMQ
 * queue while there is room, adopts what a dead worker left at the provider, and executes both.
 */
export class ToolLane {
  private readonly logger: Logger;
  private readonly waiting = new Map<string, { job: PickedJob; giveUp: NodeJS.Timeout }>();
  private readonly executing = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private worker: Worker<ToolRecord> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private filling: Promise<void> = Promise.resolve();
  private heldUntil = -Infinity;
  private pausedUntil = -Infinity;

  constructor(
    private readonly tool: Tool,
    private readonly queue: Queue<ToolRecord>,
    private readonly parts: ToolLaneParts,
  ) {
    this.logger = new Logger(`Tool ${tool.id}`);
  }

  start(): void {
    this.worker = new Worker<ToolRecord>(this.queue.name, (record) => this.perform(record.data), {
      connection: this.queue.opts.connection,
      concurrency: this.tool.concurrency,
    });
    // The row decides; a record that BullMQ calls stalled or failed is only a record.
    this.worker.on('error', (error) => this.logger.warn(`lane: ${error.message}`));
    this.timer = setInterval(() => this.nudge(), TICK_MS);
    this.nudge();
  }

  /** Looks for work now. */
  nudge(): void {
    this.filling = this.filling
      .then(() => this.fill())
      .catch((error: unknown) => this.logger.warn({ err: error }, 'picking failed'));
  }

  /** Stops picking; what is at the provider goes on there for a successor. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.timer);
    await this.filling;
    await Promise.all(this.executing);
    await this.worker?.close(true);
  }

  private get room(): number {
    if (this.stopping.signal.aborted) return 0;
    return this.tool.concurrency - this.waiting.size - this.executing.size;
  }

  private get mayBegin(): boolean {
    const isHeld = performance.now() < Math.max(this.heldUntil, this.pausedUntil);
    return !isHeld && this.tool.provider.isAvailable;
  }

  private async fill(): Promise<void> {
    const { leases, tasks } = this.parts;
    if (this.room > 0) {
      for (const job of await tasks.adopt([this.tool.id], this.room)) await this.enqueue(job);
    }
    this.parts.showPaused(performance.now() < this.pausedUntil);
    while (this.mayBegin && this.room > 0) {
      const job = await leases.pick('tool', [this.tool.id], null);
      if (!job) return;
      await this.enqueue(job);
    }
  }

  private async enqueue(job: PickedJob): Promise<void> {
    const recordId = `${job.jobId}-${job.epoch}`;
    // The record is only a hint: when it gets lost, the lease runs out and another takes the job.
    const giveUp = setTimeout(
      () => this.waiting.delete(recordId),
      this.parts.leases.leaseSeconds * 1_000,
    );
    this.waiting.set(recordId, { job, giveUp });
    await this.queue.add(
      'run',
      { jobId: job.jobId, epoch: job.epoch },
      {
        jobId: recordId,
        attempts: 1,
        removeOnComplete: KEEP_RECORDS,
        removeOnFail: KEEP_RECORDS,
      },
    );
  }

  /** A record of another process, or of an older lease, is none of our business. */
  private async perform({ jobId, epoch }: ToolRecord): Promise<void> {
    const recordId = `${jobId}-${epoch}`;
    const waiting = this.waiting.get(recordId);
    if (!waiting) return;
    clearTimeout(waiting.giveUp);
    this.waiting.delete(recordId);
    const turn = {
      holdBack: (seconds: number, operatorMust?: string) => {
        const until = performance.now() + seconds * 1_000;
        if (operatorMust === undefined) {
          this.heldUntil = Math.max(this.heldUntil, until);
          return;
        }
        this.pausedUntil = until;
        this.logger.error(`paused for ${seconds} s, the operator must act: ${operatorMust}`);
      },
    };
    const execution = this.parts.executor.execute(
      waiting.job,
      this.tool,
      turn,
      this.stopping.signal,
    );
    this.executing.add(execution);
    await execution.finally(() => this.executing.delete(execution));
    this.nudge();
  }
}
