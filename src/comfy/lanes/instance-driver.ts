import { Logger } from '@nestjs/common';
import { Queue, Worker } from 'bullmq';
import { Instances, JobLeases, type Capability, type PickedJob } from '../../jobs/index.js';
import { ComfyClient } from '../client/index.js';
import type { JobExecutor } from '../executor/job-executor.js';
import type { LaneTurn } from '../executor/turn.js';
import type { Workflows } from '../workflows.service.js';

/** One running and one staged (architecture, "GPU never waits"). */
const GPU_SLOTS = 2;
/** Running, staged, and some whose results are being fetched. */
const CONCURRENCY = 6;
const TICK_MS = 1_000;
const PROBE_AWAY_MS = 2_000;
const PROBE_READY_MS = 60_000;
/** Prompts wait and nothing runs for so long: the worker of this ComfyUI is wedged (§4.8). */
const WEDGED_AFTER_MS = 10_000;
/** A sick instance is asked again so often, and trusted again when its queue moves. */
const SICK_PAUSE_MS = 15_000;
/** An idle instance asks for staged work of others so often. */
const YIELD_PAUSE_MS = 1_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const KEEP_RECORDS = { age: 3_600, count: 1_000 };

/** What lies in the lane's BullMQ queue: ids, never content. */
export interface LaneRecord {
  readonly jobId: string;
  readonly epoch: number;
}

/** A job between being picked and being executed. */
interface Waiting {
  readonly job: PickedJob;
  readonly turn: LaneTurn;
  readonly giveUp: NodeJS.Timeout;
}

export interface DriverParts {
  readonly instances: Instances;
  readonly leases: JobLeases;
  readonly executor: JobExecutor;
  readonly workflows: Workflows;
  /** Restarts a wedged ComfyUI on this machine, where the operator gave a command for it. */
  readonly restart: ((url: string, reason: string) => void) | undefined;
}

/**
 * Drives one ComfyUI while this process owns its row: picks jobs into the instance's BullMQ lane,
 * executes them, adopts what a dead owner left, probes, and sweeps prompts that nobody claims.
 */
export class InstanceDriver {
  private readonly logger: Logger;
  private readonly client: ComfyClient;
  private worker: Worker<LaneRecord> | undefined;
  private isOwner = false;
  /** What it lacks for each workflow and choice, as it said last. */
  private capabilities: Readonly<Record<string, Capability>> = {};
  private workflows: readonly string[] = [];
  /** Jobs between pick and the end of their GPU time; a suspect is one that was lost before. */
  private readonly onGpu = new Map<string, { readonly isSuspect: boolean }>();
  private readonly waiting = new Map<string, Waiting>();
  private readonly executing = new Set<Promise<void>>();
  private lastPost: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;
  private wake: (() => void) | undefined;
  private refilling: Promise<void> = Promise.resolve();
  private probedAt = -Infinity;
  private inspectedAt = performance.now();
  private isReady = false;
  private wedgedSince: number | undefined;
  private askedForYieldAt = -Infinity;
  /** True once the instance was asked for the first time, whatever it said. */
  hasProbed = false;

  constructor(
    readonly id: string,
    readonly url: string,
    private readonly queue: Queue<LaneRecord>,
    private readonly parts: DriverParts,
    private readonly inspectEveryMs: number,
  ) {
    this.logger = new Logger(`Instance ${id}`);
    // A new connection may be a new ComfyUI: what it offers is asked again.
    this.client = new ComfyClient(url, () => (this.probedAt = -Infinity));
  }

  start(): void {
    this.loop = this.run();
  }

  /** Looks for work now: a job was submitted or a slot came free. */
  nudge(): void {
    if (this.isOwner && this.isReady) this.refill();
  }

  /** Stops picking, gives staged work back, lets running prompts go on for a successor. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake?.();
    await this.loop;
    await this.refilling;
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
    const isOwner = await this.parts.instances.claim(this.id);
    if (isOwner && !this.isOwner) this.own();
    if (!isOwner && this.isOwner) await this.disown();
    if (!isOwner) {
      this.hasProbed = true;
      return;
    }
    await this.probe();
    if (!this.isReady) return;
    for (const job of await this.parts.leases.adopt(this.id)) await this.enqueue(job);
    await this.inspectQueue();
    this.refill();
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
    this.isReady = false;
    this.client.close();
    const { worker } = this;
    this.worker = undefined;
    // Executions hold leases of their own and are awaited by stop(); the lane itself may go now.
    await worker?.close(true);
  }

  private async probe(): Promise<void> {
    const period = this.isReady ? PROBE_READY_MS : PROBE_AWAY_MS;
    if (performance.now() - this.probedAt < period) return;
    this.probedAt = performance.now();
    try {
      const version = await this.client.http.version();
      const capabilities = this.parts.workflows.capabilitiesOf(await this.client.http.objectInfo());
      await this.parts.instances.markReady(this.id, version, capabilities);
      this.capabilities = capabilities;
      this.workflows = Object.keys(capabilities).filter(
        (id) => capabilities[id]?.missing.length === 0,
      );
      this.isReady = true;
    } catch (error) {
      this.isReady = false;
      await this.parts.instances.markAway(
        this.id,
        'down',
        error instanceof Error ? error.message : 'no answer',
      );
    } finally {
      this.hasProbed = true;
    }
  }

  private refill(): void {
    this.refilling = this.refilling
      .then(() => this.pickWhileFree())
      .catch((error: unknown) => this.logger.warn({ err: error }, 'picking failed'));
  }

  private async pickWhileFree(): Promise<void> {
    while (this.isOwner && this.isReady && !this.stopping.signal.aborted && this.hasRoom()) {
      const job = await this.parts.leases.pick('comfy', this.workflows, this.id);
      if (!job) return this.askForStagedWork();
      await this.enqueue(job);
    }
  }

  /** Idle with nothing to pick: a job that merely waits behind another instance's may come here. */
  private async askForStagedWork(): Promise<void> {
    if (this.onGpu.size > 0 || performance.now() - this.askedForYieldAt < YIELD_PAUSE_MS) return;
    this.askedForYieldAt = performance.now();
    await this.parts.leases.requestYield(this.id, this.workflows);
  }

  /** A job that was running when a ComfyUI died may have killed it: nothing is staged behind it. */
  private hasRoom(): boolean {
    const limit = [...this.onGpu.values()].some((job) => job.isSuspect) ? 1 : GPU_SLOTS;
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
      variantOf: (capability: string) => this.capabilities[capability]?.variant,
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

  /** Looks at ComfyUI's queue: is its worker alive, and is anything there that nobody claims? */
  private async inspectQueue(): Promise<void> {
    if (performance.now() - this.inspectedAt < this.inspectEveryMs) return;
    this.inspectedAt = performance.now();
    const queue = await this.client.http.queue().catch(() => undefined);
    if (!queue) return;
    const isStuck = queue.running.size === 0 && queue.pending.size > 0;
    this.wedgedSince = isStuck ? (this.wedgedSince ?? performance.now()) : undefined;
    if (this.wedgedSince !== undefined && performance.now() - this.wedgedSince > WEDGED_AFTER_MS) {
      return this.setAside('its worker takes no prompt from its queue');
    }
    const seen = [...queue.running, ...queue.pending].filter((id) => UUID.test(id));
    if (seen.length === 0) return;
    // Prompts of others are never touched.
    for (const promptId of await this.parts.leases.findUnclaimedPrompts(seen)) {
      this.logger.warn(`prompt ${promptId} belongs to no open job and is ended`);
      await this.client.http.cancel(promptId);
    }
  }

  /** A sick ComfyUI gets no more jobs; those that wait there move on. It is asked again later. */
  private async setAside(reason: string): Promise<void> {
    this.logger.error(`set aside: ${reason}`);
    this.isReady = false;
    this.wedgedSince = undefined;
    this.probedAt = performance.now() + SICK_PAUSE_MS - PROBE_AWAY_MS;
    await this.parts.instances.markAway(this.id, 'sick', reason);
    for (const promptId of this.client.follower.abandonWaiting()) {
      await this.client.http.deletePending(promptId).catch(() => undefined);
    }
    this.parts.restart?.(this.url, reason);
  }
}
