import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
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
import { TaskGone, TaskTurnedAway, type Execution } from './execution.js';
import { TaskCreation } from './task-creation.js';
import { TaskFollowing } from './task-following.js';
import { FAILURES, REACTIONS } from './failures.js';

export interface ToolTurn {
  /** The operator must act: no new work for so long. */
  pauseTool(seconds: number, reason: string): void;
}

/**
 * Runs one leased job at its provider: send pictures → create → follow → collect → settle. The row
 * says before each paid step that it is about to happen, so a cut at any point leaves a row from
 * which a successor goes on without paying twice.
 */
@Injectable()
export class ToolExecutor {
  private readonly logger = new Logger(ToolExecutor.name);
  private readonly holds = new Map<string, { hold: LeaseHold; wake: () => void }>();

  constructor(
    private readonly jobs: Jobs,
    private readonly leases: JobLeases,
    private readonly tasks: ProviderTasks,
    private readonly settlement: JobSettlement,
    private readonly creation: TaskCreation,
    private readonly following: TaskFollowing,
  ) {}

  /** Somebody wishes something of a job: look at its row now. */
  noticeWish(jobId: string): void {
    void this.holds.get(jobId)?.hold.renew();
  }

  /** A provider says that a task has moved: look at them now. */
  wakeAll(): void {
    for (const { wake } of this.holds.values()) wake();
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
    this.logger.warn(
      { err: error, jobId: lease.jobId, tool: tool.id, kind, code, traceId },
      'a provider refused',
    );
    if (reaction.kind === 'fail') return this.settlement.fail(lease, reaction.error);
    if (reaction.kind !== 'later' || isAtProvider) return;
    if (reaction.pausesTool) turn.pauseTool(reaction.seconds, error.message);
    const seconds = Math.max(reaction.seconds, error.retryAfterSeconds ?? 0);
    await this.leases.handBack(lease, kind, seconds);
  }
}
