import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../../config/index.js';
import {
  JobLeases,
  Jobs,
  JobSettlement,
  LeaseHold,
  LeaseLost,
  ProviderTasks,
  type JobLease,
} from '../../jobs/index.js';
import { ProviderError } from '../providers/provider.js';
import type { Tool } from '../tool.js';
import { ToolMetrics } from '../tool-metrics.js';
import { TaskGone, TaskTurnedAway, type Execution } from './execution.js';
import { TaskCreation } from './task-creation.js';
import { TaskFollowing } from './task-following.js';
import { FAILURES, pauseBefore, REACTIONS } from './failures.js';

interface Held {
  readonly hold: LeaseHold;
  readonly wake: () => void;
  taskId?: string;
}

/** A provider that is full is not asked again so soon, unless it says when. */
const FULL_SECONDS = 2;

export interface ToolTurn {
  /** No new work of this tool for so long; `operatorMust`: unless the operator acts, nothing will go. */
  holdBack(seconds: number, operatorMust?: string): void;
}

/**
 * Runs one leased job at its provider: send pictures → create → follow → collect → settle. The row
 * says before each paid step that it is about to happen, so a cut at any point leaves a row from
 * which a successor goes on without paying twice.
 */
@Injectable()
export class ToolExecutor {
  private readonly logger = new Logger(ToolExecutor.name);
  private readonly holds = new Map<string, Held>();

  constructor(
    private readonly jobs: Jobs,
    private readonly leases: JobLeases,
    private readonly tasks: ProviderTasks,
    private readonly settlement: JobSettlement,
    private readonly creation: TaskCreation,
    private readonly following: TaskFollowing,
    private readonly config: Config,
    private readonly metrics: ToolMetrics,
  ) {}

  /** Somebody wishes something of a job: look at its row now. */
  noticeWish(jobId: string): void {
    void this.holds.get(jobId)?.hold.renew();
  }

  /** A provider says that a task, or with an empty id any of them, has moved: look now. */
  wake(taskId: string): void {
    for (const held of this.holds.values()) {
      // One whose id is not known yet may be the one that is meant.
      if (taskId === '' || held.taskId === undefined || held.taskId === taskId) held.wake();
    }
  }

  /** Never rejects: whatever happens is in the row, or is left to the lease. */
  async execute(lease: JobLease, tool: Tool, turn: ToolTurn, stop: AbortSignal): Promise<void> {
    let wake: () => void = () => undefined;
    const cancelled = new AbortController();
    const hold = new LeaseHold(lease, this.leases, () => {
      cancelled.abort();
      wake();
    });
    const execution: Execution = {
      hold,
      tool,
      stop,
      cancelled: cancelled.signal,
      signal: AbortSignal.any([hold.signal, stop]),
      pause: (ms) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        return Promise.race([promise, sleep(ms, undefined, { signal: execution.signal })]);
      },
    };
    this.holds.set(lease.jobId, { hold, wake: () => wake() });
    try {
      await this.run(execution);
    } catch (error) {
      await this.leave(error, execution, turn);
    } finally {
      hold.stop();
      if (this.holds.get(lease.jobId)?.hold === hold) this.holds.delete(lease.jobId);
    }
  }

  private async run(execution: Execution): Promise<void> {
    const { hold, tool } = execution;
    const { lease } = hold;
    const job = await this.jobs.find(lease.jobId);
    const record = await this.tasks.find(lease.jobId);
    const isOurs = job?.leaseEpoch === lease.epoch && job.leaseOwner === lease.owner;
    if (!job || !record || job.finishedAt || !isOurs) return;
    await hold.renew();
    let taskId = record.taskId ?? undefined;
    let { secondsLeft } = record;
    for (let isFresh = true; ; isFresh = false) {
      taskId ??= await this.creation.create(execution, job, isFresh ? record : undefined);
      if (taskId === undefined) return;
      const held = this.holds.get(lease.jobId);
      if (held?.hold === hold) held.taskId = taskId;
      try {
        return await this.following.follow(execution, job, taskId, secondsLeft);
      } catch (error) {
        if (error instanceof TaskTurnedAway) {
          await this.tasks.takeBackStart(lease);
          throw error.reason;
        }
        if (!(error instanceof TaskGone) || !tool.provider.isFree) throw error;
        // Free of charge: made again, as often as a job may be started.
        await this.tasks.forget(lease);
        taskId = undefined;
        secondsLeft = null;
      }
    }
  }

  /** What is left to do when an execution breaks off. */
  private async leave(error: unknown, execution: Execution, turn: ToolTurn): Promise<void> {
    const { hold, stop, tool } = execution;
    const { lease } = hold;
    try {
      if (error instanceof LeaseLost || hold.signal.aborted) {
        this.logger.warn(`Fenced: job ${lease.jobId} belongs to another worker`);
        return;
      }
      const isAtProvider = (await this.tasks.find(lease.jobId))?.secondsSinceCreate !== null;
      if (stop.aborted) {
        // A planned stop: what is at the provider goes on there and is adopted.
        return await (isAtProvider
          ? this.leases.abandon(lease)
          : this.leases.handBack(lease, 'stopped'));
      }
      if (error instanceof TaskGone) return await this.settlement.fail(lease, FAILURES.lost);
      if (error instanceof ProviderError)
        return await this.react(error, execution, isAtProvider, turn);
      this.logger.warn({ err: error, jobId: lease.jobId }, 'a job broke off and is tried again');
      // What is at the provider keeps its lease until that runs out, and is adopted then.
      if (!isAtProvider) await this.leases.handBack(lease, 'broken_off', 5);
    } catch (failure) {
      this.logger.warn(
        { err: failure, jobId: lease.jobId, tool: tool.id },
        'a job is left to its lease',
      );
    }
  }

  private async react(
    error: ProviderError,
    { hold, tool }: Execution,
    isAtProvider: boolean,
    turn: ToolTurn,
  ): Promise<void> {
    const { lease } = hold;
    const { kind, code, traceId } = error;
    const reaction = REACTIONS[kind];
    this.metrics.errors.inc({ provider: tool.provider.name, kind });
    const facts = { err: error, jobId: lease.jobId, tool: tool.id, kind, code, traceId };
    if (kind === 'not-offered')
      this.logger.error(facts, 'the operator must act: not offered to us');
    else this.logger.warn(facts, 'a provider refused');
    if (reaction.kind === 'fail') return this.settlement.fail(lease, reaction.error);
    if (reaction.kind !== 'later' || isAtProvider) return;
    const tries = 1 + (await this.leases.timesGivenBack(lease.jobId));
    if (tries >= (reaction.maxTries ?? Infinity))
      return this.settlement.fail(lease, FAILURES.failed);
    const isForOperator = reaction.holdsBack === 'operator';
    const least = isForOperator ? this.config.tools.operatorPauseSeconds : pauseBefore(tries);
    const seconds = Math.max(least, error.retryAfterSeconds ?? 0);
    if (reaction.holdsBack === 'tool') turn.holdBack(error.retryAfterSeconds ?? FULL_SECONDS);
    if (isForOperator) turn.holdBack(least, error.message);
    await this.leases.handBack(lease, kind, seconds);
  }
}
