import { Logger } from '@nestjs/common';
import { Worker, type Queue } from 'bullmq';
import type { JobLeases, PickedJob, ProviderTasks } from '../../jobs/index.js';
import { addRecord, closeLane, LaneLooks, type LaneRecord } from '../../platform/index.js';
import type { ToolExecutor } from '../executor/tool-executor.js';
import type { Tool } from '../tool.js';

const TICK_MS = 1_000;
/** So long a picked job keeps a place here; another worker may have taken its record. */
const HAND_OVER_MS = 2_000;

export interface ToolLaneParts {
  readonly leases: JobLeases;
  readonly tasks: ProviderTasks;
  readonly executor: ToolExecutor;
  /** 1 while nothing new is begun because the operator must act. */
  readonly showPaused: (isPaused: boolean) => void;
}

/**
 * A provider's lane in this process: picks jobs in person-turn order into the provider's BullMQ
 * queue while there is room, adopts what a dead worker left at the provider, and executes what it
 * finds in the queue, which all workers share: also what another of them has picked.
 */
export class ToolLane {
  private readonly logger: Logger;
  /** Picked here and not yet begun, as far as known. */
  private readonly waiting = new Set<string>();
  private readonly executing = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private worker: Worker<LaneRecord> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly looks: LaneLooks;
  private heldUntil = -Infinity;
  private pausedUntil = -Infinity;

  constructor(
    private readonly tool: Tool,
    private readonly queue: Queue<LaneRecord>,
    private readonly parts: ToolLaneParts,
  ) {
    this.logger = new Logger(`Tool ${tool.id}`);
    this.looks = new LaneLooks(
      () => this.fill(),
      (error) => this.logger.warn({ err: error }, 'picking failed'),
    );
  }

  start(): void {
    this.worker = new Worker<LaneRecord>(this.queue.name, (record) => this.perform(record.data), {
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
    this.looks.nudge();
  }

  /** Stops picking; what is at the provider goes on there for a successor. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.timer);
    await this.looks.done;
    await closeLane(this.worker);
    await Promise.all(this.executing);
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
    this.waiting.add(job.jobId);
    setTimeout(() => this.waiting.delete(job.jobId), HAND_OVER_MS).unref();
    // The record is only a hint: when it gets lost, the lease runs out and another takes the job.
    await addRecord(this.queue, job);
  }

  private async perform(record: LaneRecord): Promise<void> {
    this.waiting.delete(record.jobId);
    const execution = this.execute(record);
    this.executing.add(execution);
    await execution.finally(() => this.executing.delete(execution));
    this.nudge();
  }

  /** A record of an older lease, or one that is seen twice, is none of our business. */
  private async execute({ jobId, epoch }: LaneRecord): Promise<void> {
    const job = await this.parts.leases.takeOver(jobId, epoch);
    if (!job) return;
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
    await this.parts.executor.execute(job, this.tool, turn, this.stopping.signal);
  }
}
