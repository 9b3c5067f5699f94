import { Logger } from '@nestjs/common';
import { Instances, JobLeases, type Capability } from '../../jobs/index.js';
import { isUuid } from '../../platform/index.js';
import type { ComfyClient } from '../client/index.js';
import type { Workflows } from '../workflows.service.js';
import { isTooOld, OLDEST_VERSION } from './version.js';

const PROBE_AWAY_MS = 2_000;
const PROBE_READY_MS = 60_000;
/** Prompts wait and nothing runs for so long: the worker of this ComfyUI is wedged (§4.8). */
const WEDGED_AFTER_MS = 10_000;
/** A sick instance is asked again after so long, and when it is sick again after twice that. */
const SICK_PAUSE_MS = 15_000;
const MAX_SICK_PAUSE_MS = 300_000;

interface Sickness {
  readonly since: number;
  readonly pauseMs: number;
  /** Runs there for good: as long as it does, nothing else can. */
  readonly hungPromptId: string | undefined;
}

export interface HealthParts {
  readonly instances: Instances;
  readonly leases: JobLeases;
  readonly workflows: Workflows;
  /** Restarts a wedged ComfyUI on this machine, where the operator gave a command for it. */
  readonly restart: ((url: string, reason: string) => void) | undefined;
}

export interface HealthTimes {
  /** Pause between two looks at ComfyUI's queue. */
  readonly inspectEveryMs: number;
  /** A prompt that nobody claims and that still runs so long after it was told to end hangs. */
  readonly hungAfterMs: number;
}

/**
 * Whether one ComfyUI may be given jobs, and which: it is probed, its queue is looked at, a wedged or
 * hung one is set aside and taken back. Used by the process that owns the instance's row only.
 */
export class InstanceHealth {
  private readonly logger: Logger;
  private probedAt = -Infinity;
  private inspectedAt = performance.now();
  /** The connection was lost since it was last asked. */
  private isDoubted = false;
  private wedgedSince: number | undefined;
  /** Why it was set aside; counts until a prompt of ours ran there again. */
  private sickness: Sickness | undefined;
  /** Prompts of ours there that no open job claims, and since when they are being ended. */
  private unclaimed = new Map<string, number>();
  /** What it lacks for each workflow and choice, as it said last. */
  capabilities: Readonly<Record<string, Capability>> = {};
  /** What it lacks nothing for. */
  workflows: readonly string[] = [];
  isReady = false;
  /** True once the instance was asked for the first time, whatever it said. */
  hasProbed = false;

  constructor(
    private readonly id: string,
    private readonly client: ComfyClient,
    private readonly parts: HealthParts,
    private readonly times: HealthTimes,
  ) {
    this.logger = new Logger(`Instance ${id}`);
  }

  /** A new connection may be a new ComfyUI: what it offers is asked again. */
  noteConnected(): void {
    this.probedAt = -Infinity;
  }

  noteLost(): void {
    this.isDoubted = true;
  }

  /** It was sick and has run nothing since: it gets one job at a time. */
  get isOnTrial(): boolean {
    return this.sickness !== undefined && !this.hasRunSince(this.sickness.since);
  }

  /** Asks it, when that is due, whether it is there and what it can run. */
  async probe(): Promise<void> {
    const periodMs = this.isReady ? PROBE_READY_MS : PROBE_AWAY_MS;
    const isDue = performance.now() - this.probedAt >= periodMs;
    if (!isDue && !(this.isReady && this.isDoubted)) return;
    this.isDoubted = false;
    try {
      const version = await this.client.http.version();
      if (!isDue) return;
      this.probedAt = performance.now();
      if (isTooOld(version)) {
        throw new Error(`ComfyUI ${version} is too old: ${OLDEST_VERSION} or newer is needed.`);
      }
      if (await this.isHung()) return;
      await this.takeBack(version);
    } catch (error) {
      this.isReady = false;
      this.probedAt = performance.now();
      const reason = error instanceof Error ? error.message : 'no answer';
      await this.parts.instances.markAway(this.id, 'down', reason);
    } finally {
      this.hasProbed = true;
    }
  }

  /** Looks at its queue, when that is due: does its worker live, is anything there that nobody claims? */
  async inspect(): Promise<void> {
    if (performance.now() - this.inspectedAt < this.times.inspectEveryMs) return;
    this.inspectedAt = performance.now();
    const queue = await this.client.http.queue().catch(() => undefined);
    if (!queue) return;
    const isStuck = queue.running.size === 0 && queue.pending.size > 0;
    this.wedgedSince = isStuck ? (this.wedgedSince ?? performance.now()) : undefined;
    if (this.wedgedSince !== undefined && performance.now() - this.wedgedSince > WEDGED_AFTER_MS) {
      return this.setAside('its worker takes no prompt from its queue');
    }
    await this.endUnclaimed([...queue.running], [...queue.pending]);
  }

  /** Prompts of others are never touched. */
  private async endUnclaimed(running: string[], pending: string[]): Promise<void> {
    const seen = [...running, ...pending].filter(isUuid);
    const found = seen.length > 0 ? await this.parts.leases.findUnclaimedPrompts(seen) : [];
    const before = this.unclaimed;
    const now = performance.now();
    this.unclaimed = new Map(found.map((id) => [id, before.get(id) ?? now]));
    for (const [promptId, since] of this.unclaimed) {
      if (!before.has(promptId))
        this.logger.warn(`prompt ${promptId} belongs to no open job and is ended`);
      await this.client.http.cancel(promptId);
      if (running.includes(promptId) && now - since > this.times.hungAfterMs)
        return this.setAside('a prompt hangs and cannot be stopped', promptId);
    }
  }

  private async takeBack(version: string): Promise<void> {
    const capabilities = this.parts.workflows.capabilitiesOf(await this.client.http.objectInfo());
    await this.parts.instances.markReady(this.id, version, capabilities);
    this.capabilities = capabilities;
    this.workflows = Object.keys(capabilities).filter(
      (id) => capabilities[id]?.missing.length === 0,
    );
    this.isReady = true;
  }

  /** The prompt for which it was set aside still runs: it stays aside. */
  private async isHung(): Promise<boolean> {
    const promptId = this.sickness?.hungPromptId;
    if (promptId === undefined || this.isReady) return false;
    await this.client.http.cancel(promptId);
    return (await this.client.http.queue()).running.has(promptId);
  }

  private hasRunSince(moment: number): boolean {
    return this.client.follower.lastRanAt > moment;
  }

  /** A sick ComfyUI gets no more jobs; those that wait there move on. It is asked again later. */
  private async setAside(reason: string, hungPromptId?: string): Promise<void> {
    this.logger.error(`set aside: ${reason}`);
    const last = this.isOnTrial ? this.sickness : undefined;
    const pauseMs = last ? Math.min(2 * last.pauseMs, MAX_SICK_PAUSE_MS) : SICK_PAUSE_MS;
    this.sickness = { since: performance.now(), pauseMs, hungPromptId };
    this.isReady = false;
    this.wedgedSince = undefined;
    this.probedAt = performance.now() + pauseMs - PROBE_AWAY_MS;
    await this.parts.instances.markAway(this.id, 'sick', reason);
    for (const promptId of this.client.follower.abandonWaiting()) {
      await this.client.http.deletePending(promptId).catch(() => undefined);
    }
    this.parts.restart?.(this.client.url, reason);
  }
}
