import { Injectable } from '@nestjs/common';
import { Config } from '../../config/index.js';
import { JobLeases, JobProgress, JobSettlement, type JobResult } from '../../jobs/index.js';
import { ProviderError, type ProviderTask, type TaskResult } from '../providers/provider.js';
import { TaskGone, TaskTurnedAway, type Execution } from './execution.js';
import { FAILURES, REACTIONS } from './failures.js';
import type { ToolJob } from './task-creation.js';
import { ToolResults } from './tool-results.js';

/** States that we have never heard of, and answers that the task is not there, before we believe it. */
const MAX_DOUBTS = 5;
const MAX_POLL_MS = 30_000;
/** The rest belongs to fetching the results. */
const PROVIDER_SHARE = 0.9;

/** Follows a task at its provider to its end and settles the job. */
@Injectable()
export class TaskFollowing {
  constructor(
    private readonly leases: JobLeases,
    private readonly progress: JobProgress,
    private readonly settlement: JobSettlement,
    private readonly results: ToolResults,
    private readonly config: Config,
  ) {}

  /** Throws {@link TaskGone}, {@link TaskTurnedAway}, ProviderError, LeaseLost or an error of Files. */
  async follow(
    execution: Execution,
    job: ToolJob,
    taskId: string,
    secondsLeft: number | null,
  ): Promise<void> {
    const { hold, tool } = execution;
    const deadlineSeconds = secondsLeft ?? this.config.tools.deadlineSeconds;
    const deadline = performance.now() + deadlineSeconds * 1_000;
    await this.leases.markRunning(hold.lease, null, deadlineSeconds);
    let doubts = 0;
    await this.say(execution, 3, 'waiting at the provider');
    for (;;) {
      if (await this.passOnCancel(execution, taskId)) return;
      const task = await this.look(execution, taskId, deadline);
      const isDoubtful = task === 'missing' || (task !== undefined && task.state === 'unclear');
      doubts = isDoubtful ? doubts + 1 : task === undefined ? doubts : 0;
      if (doubts > 0 && (tool.provider.isFree || doubts > MAX_DOUBTS)) throw new TaskGone();
      if (task !== undefined && task !== 'missing') {
        if (await this.settle(execution, job, taskId, task)) return;
      }
      if (performance.now() > deadline) {
        await this.settlement.fail(hold.lease, FAILURES.deadline);
        return;
      }
      await execution.pause(this.pollPause(tool.pollMs, doubts));
    }
  }

  /** Undefined: the provider cannot be asked now. Past the deadline it is not asked for long. */
  private async look(
    { tool, signal, cancelled }: Execution,
    taskId: string,
    deadline: number,
  ): Promise<ProviderTask | 'missing' | undefined> {
    const limit = AbortSignal.timeout(Math.ceil(Math.max(10_000, deadline - performance.now())));
    const ends = [signal, limit, ...(tool.provider.isFree ? [cancelled] : [])];
    try {
      return await tool.provider.look(taskId, AbortSignal.any(ends));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProviderError && error.kind === 'not-found') return 'missing';
      if (error instanceof ProviderError || limit.aborted || cancelled.aborted) return undefined;
      throw error;
    }
  }

  /** True: the job is settled. */
  private async settle(
    execution: Execution,
    job: ToolJob,
    taskId: string,
    task: ProviderTask,
  ): Promise<boolean> {
    const { hold } = execution;
    switch (task.state) {
      case 'succeeded': {
        await this.say(execution, 95, 'fetching the result');
        const results = await this.collect(execution, job, taskId, task.results);
        if (results) await this.settlement.succeed(hold.lease, results);
        return results !== undefined;
      }
      case 'failed': {
        const reaction = REACTIONS[task.error.kind];
        if (reaction.kind === 'later' && execution.tool.provider.isFree) {
          throw new TaskTurnedAway(task.error);
        }
        const error = reaction.kind === 'fail' ? reaction.error : FAILURES.failed;
        await this.settlement.fail(hold.lease, error);
        return true;
      }
      case 'cancelled':
        await (hold.isCancelRequested
          ? this.settlement.cancel(hold.lease)
          : this.settlement.fail(hold.lease, FAILURES.cancelledThere));
        return true;
      case 'running':
        await this.say(execution, 5 + (task.percent ?? 0) * PROVIDER_SHARE, 'being made');
        return false;
      default:
        await this.say(execution, 3, 'waiting at the provider');
        return false;
    }
  }

  /** Undefined: the results cannot be fetched now; they are tried again until the deadline. */
  private async collect(
    { hold, tool }: Execution,
    job: ToolJob,
    taskId: string,
    results: readonly TaskResult[],
  ): Promise<JobResult[] | undefined> {
    try {
      const { provider } = tool;
      return await this.results.collect({ userId: job.userId, taskId, provider, results }, hold);
    } catch (error) {
      if (error instanceof ProviderError && error.kind === 'unavailable') return undefined;
      throw error;
    }
  }

  /** A wish to cancel goes to the provider where it can stop a task; it is repeated until the end. True: the job is settled. */
  private async passOnCancel({ hold, tool, signal }: Execution, taskId: string): Promise<boolean> {
    if (!hold.isCancelRequested) return false;
    const { provider } = tool;
    if (provider.canCancel) {
      await provider.cancel(taskId, signal).catch(() => signal.throwIfAborted());
      return false;
    }
    // What costs nothing is simply left to itself.
    if (provider.isFree) await this.settlement.cancel(hold.lease);
    return provider.isFree;
  }

  private say({ hold, tool }: Execution, percent: number, step: string): Promise<void> {
    const cannotStop = hold.isCancelRequested && !tool.provider.canCancel;
    const told = cannotStop ? `${step} (the provider cannot stop it any more)` : step;
    return this.progress.report(hold.lease, Math.min(percent, 95), told);
  }

  /** With jitter, so that many tasks are not asked for at the same moment. */
  private pollPause(pollMs: number, doubts: number): number {
    return Math.min(pollMs * 2 ** doubts, MAX_POLL_MS) * (0.8 + Math.random() * 0.4);
  }
}
