import { Logger } from '@nestjs/common';
import { Queue, Worker } from 'bullmq';
import type { PickedJob } from '../../jobs/index.js';
import { addRecord, closeLane, LaneLooks, type LaneRecord } from '../../platform/index.js';
import { ComfyClient } from '../client/index.js';
import type { JobExecutor } from '../executor/job-executor.js';
import type { LaneTurn } from '../executor/turn.js';
import type { GpuMetrics } from './gpu-metrics.js';
import { InstanceHealth, type HealthParts, type HealthTimes } from './instance-health.js';

/** One running and one staged (architecture, "GPU never waits"). */
const GPU_SLOTS = 2;
/** Running, staged, and some whose results are being fetched. */
const CONCURRENCY = 6;
const TICK_MS = 1_000;
/** An idle instance asks for staged work of others so often. */
const YIELD_PAUSE_MS = 1_000;

/** A job between being picked and being executed. */
interface Waiting {
  readonly job: PickedJob;
  readonly turn: LaneTurn;
  readonly giveUp: NodeJS.Timeout;
}

export interface DriverParts extends HealthParts {
  readonly executor: JobExecutor;
  readonly metrics: GpuMetrics;
}

export interface DriverTimes extends HealthTimes {
  /** How long a job that was posted waits for an instance that does not answer. */
  readonly graceMs: number;
}

/**
 * Drives one ComfyUI while this process owns its row: picks jobs into the instance's BullMQ lane,
 * executes them, and adopts what a dead owner left.
 */
export class InstanceDriver {
  private readonly logger: Logger;
  private readonly client: ComfyClient;
  private readonly health: InstanceHealth;
  private worker: Worker<LaneRecord> | undefined;
  private isOwner = false;
  /** Jobs between pick and the end of their GPU time; a suspect is one that was lost before. */
  private readonly onGpu = new Map<string, { readonly isSuspect: boolean }>();
  private readonly waiting = new Map<string, Waiting>();
  private readonly executing = new Set<Promise<void>>();
  private lastPost: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private wake: (() => void) | undefined;
  private readonly looks: LaneLooks;
  private looking: Promise<void> | undefined;
  private sampledAt = performance.now();
  private askedForYieldAt = -Infinity;

  constructor(
    readonly id: string,
    readonly url: string,
    private readonly queue: Queue<LaneRecord>,
    private readonly parts: DriverParts,
    times: DriverTimes,
  ) {
    this.logger = new Logger(`Instance ${id}`);
    this.client = new ComfyClient(
      url,
      {
        onConnected: () => this.health.noteConnected(),
        onLost: () => this.health.noteLost(),
        onCompletion: (lagMs) => parts.metrics.complete(id, lagMs),
      },
      { unreachableMs: times.graceMs },
    );
    this.health = new InstanceHealth(id, this.client, parts, times);
    this.looks = new LaneLooks(
      () => this.pickWhileFree(),
      (error) => this.logger.warn({ err: error }, 'picking failed'),
    );
  }

  /** True once the instance was asked for the first time, or another process drives it. */
  get hasProbed(): boolean {
    return this.health.hasProbed;
  }

  start(): void {
    this.loop = this.run();
  }

  /** Looks for work now: a job was submitted or a slot came free. */
  nudge(): void {
    if (this.isOwner && this.health.isReady) this.looks.nudge();
  }

  /** Stops picking, gives staged work back, lets running prompts go on for a successor. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake?.();
    await this.loop;
    await this.looks.done;
    await Promise.all(this.executing);
    await this.disown();
    await this.parts.instances.release(this.id).catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.tick();
      } catch (error) {
        this.logger.warn({ err: error }, 'a tick failed');
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TICK_MS);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  private async tick(): Promise<void> {
    this.sample();
    const isOwner = await this.parts.instances.claim(this.id);
    if (isOwner && !this.isOwner) this.own();
    if (!isOwner && this.isOwner) await this.disown();
    if (!isOwner) {
      this.health.hasProbed = true;
      return;
    }
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    if (!this.health.isReady) return;
    for (const job of await this.parts.leases.adopt(this.id)) await this.enqueue(job);
    this.looks.nudge();
  }

  /** Beside the ticks, which keep the lease: a ComfyUI may take a minute to say what it offers. */
  private async look(): Promise<void> {
    try {
      const wasReady = this.health.isReady;
      await this.health.probe();
      if (this.health.isReady) await this.health.inspect();
      if (this.health.isReady && !wasReady) this.wake?.();
    } catch (error) {
      this.logger.warn({ err: error }, 'a look at the instance failed');
    }
  }

  /** What the GPU did since the last sample counts as what it does now. */
  private sample(): void {
    const now = performance.now();
    const state = !this.health.isReady ? 'away' : this.client.follower.isBusy ? 'busy' : 'idle';
    if (this.isOwner) this.parts.metrics.spend(this.id, state, now - this.sampledAt);
    this.sampledAt = now;
  }

  private own(): void {
    this.isOwner = true;
    this.client.open();
    this.worker = new Worker<LaneRecord>(this.queue.name, (record) => this.perform(record.data), {
      connection: this.queue.opts.connection,
      concurrency: CONCURRENCY,
    });
    // The row decides; a record that BullMQ calls stalled or failed is only a record.
    this.worker.on('error', (error) => this.logger.warn(`lane: ${error.message}`));
  }

  private async disown(): Promise<void> {
    this.isOwner = false;
    this.health.isReady = false;
    this.client.close();
    const { worker } = this;
    this.worker = undefined;
    // Executions hold leases of their own and are awaited by stop(); the lane itself may go now.
    await closeLane(worker);
  }

  private get mayPick(): boolean {
    return this.isOwner && this.health.isReady && !this.stopping.signal.aborted;
  }

  private async pickWhileFree(): Promise<void> {
    while (this.mayPick && this.hasRoom()) {
      const job = await this.parts.leases.pick('comfy', this.health.workflows, this.id);
      if (!job) return this.askForStagedWork();
      await this.enqueue(job);
    }
  }

  /** Idle with nothing to pick: a job that merely waits behind another instance's may come here. */
  private async askForStagedWork(): Promise<void> {
    if (this.onGpu.size > 0 || performance.now() - this.askedForYieldAt < YIELD_PAUSE_MS) return;
    this.askedForYieldAt = performance.now();
    await this.parts.leases.requestYield(this.id, this.health.workflows);
  }

  /**
   * A job that was running when a ComfyUI died may have killed it, and a ComfyUI that was sick may be
   * so still: nothing is staged behind the first job.
   */
  private hasRoom(): boolean {
    const hasSuspect = [...this.onGpu.values()].some((job) => job.isSuspect);
    const limit = hasSuspect || this.health.isOnTrial ? 1 : GPU_SLOTS;
    // What waits for storage counts too: a lane never holds more than it can execute at once.
    return this.onGpu.size < limit && this.executing.size + this.waiting.size < CONCURRENCY;
  }

  private async enqueue(job: PickedJob): Promise<void> {
    const recordId = `${job.jobId}-${job.epoch}`;
    this.onGpu.set(recordId, { isSuspect: job.starts > 0 });
    const turn = this.takeTurn(recordId);
    // The record is only a hint: when it gets lost, the lease runs out and the slot is free again.
    const giveUp = setTimeout(() => this.drop(recordId), this.parts.leases.leaseSeconds * 1_000);
    this.waiting.set(recordId, { job, turn, giveUp });
    try {
      await addRecord(this.queue, job);
    } catch (error) {
      this.drop(recordId);
      await this.parts.leases.handBack(job, 'not_queued', 1);
      throw error;
    }
  }

  private drop(recordId: string): void {
    const waiting = this.waiting.get(recordId);
    this.waiting.delete(recordId);
    clearTimeout(waiting?.giveUp);
    waiting?.turn.posted();
    waiting?.turn.gpuDone();
  }

  private takeTurn(recordId: string): LaneTurn {
    const mayPost = this.lastPost;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lastPost = mayPost.then(() => promise);
    return {
      mayPost,
      posted: resolve,
      gpuDone: () => {
        if (this.onGpu.delete(recordId)) this.nudge();
      },
    };
  }

  /** The lane's handler. A record of another process, or of an older lease, is none of our business. */
  private async perform({ jobId, epoch }: LaneRecord): Promise<void> {
    const recordId = `${jobId}-${epoch}`;
    const waiting = this.waiting.get(recordId);
    if (!waiting) return;
    this.waiting.delete(recordId);
    clearTimeout(waiting.giveUp);
    const instance = {
      id: this.id,
      client: this.client,
      variantOf: (capability: string) => this.health.capabilities[capability]?.variant,
    };
    const execution = this.parts.executor.execute(
      waiting.job,
      instance,
      waiting.turn,
      this.stopping.signal,
    );
    this.executing.add(execution);
    await execution.finally(() => this.executing.delete(execution));
    this.nudge();
  }
}
