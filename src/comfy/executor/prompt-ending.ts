import { Injectable } from '@nestjs/common';
import {
  JobLeases,
  JobProgress,
  Jobs,
  JobSettlement,
  MAX_STARTS,
  type JobError,
} from '../../jobs/index.js';
import type { HistoryEntry } from '../protocol/index.js';
import type { Execution } from './execution.js';
import { FAILURES, isOutOfMemory, nodeFailure } from './failures.js';
import { Results } from './results.js';
import { Uploads } from './uploads.js';

/** A job that an instance could not take waits so long before it is picked again. */
export const RETRY_PAUSE_SECONDS = 2;

export type LossOutcome = 'lost' | 'unreachable' | 'interrupted' | 'yielded' | 'broken_off';

/** What becomes of a job once its prompt has ended, or is gone. */
@Injectable()
export class PromptEnding {
  constructor(
    private readonly jobs: Jobs,
    private readonly leases: JobLeases,
    private readonly progress: JobProgress,
    private readonly settlement: JobSettlement,
    private readonly uploads: Uploads,
    private readonly results: Results,
  ) {}

  /** Settles by the history entry, which is then removed from ComfyUI. */
  async settle(
    execution: Execution,
    promptId: string,
    entry: HistoryEntry,
    isLate: boolean,
  ): Promise<void> {
    const { hold, instance } = execution;
    const { outcome } = entry;
    switch (outcome.kind) {
      case 'succeeded': {
        await this.progress.report(hold.lease, 97, 'Saving the result');
        const finished = { ...execution, promptId, entry };
        const results = await this.results.collect(finished, instance.client, hold);
        await this.settlement.succeed(hold.lease, results);
        break;
      }
      case 'interrupted':
        if (isLate) await this.settlement.fail(hold.lease, FAILURES.deadline);
        else if (hold.isCancelRequested) await this.settlement.cancel(hold.lease);
        else await this.retryAfterLoss(execution, 'interrupted');
        break;
      case 'failed':
        if (isOutOfMemory(outcome.error)) await this.retryWithFreedMemory(execution);
        else await this.fail(execution, isLate ? FAILURES.deadline : nodeFailure(outcome.error));
        break;
    }
    await instance.client.http.deleteHistory(promptId).catch(() => undefined);
  }

  /** The prompt is gone without an end: cancelled if so wished, else another start while one is left. */
  async retryAfterLoss(execution: Execution, outcome: LossOutcome): Promise<void> {
    const { hold, instance } = execution;
    await hold.renew();
    if (hold.isCancelRequested) return this.settlement.cancel(hold.lease);
    // ComfyUI may have been restarted, which wipes what was uploaded.
    if (outcome === 'lost') this.uploads.forget(instance.client);
    if (await this.hasNoStartLeft(hold.lease.jobId)) {
      return this.settlement.fail(hold.lease, FAILURES.lost);
    }
    const isAway = outcome === 'unreachable' || outcome === 'broken_off';
    await this.leases.handBack(hold.lease, outcome, isAway ? RETRY_PAUSE_SECONDS : 0);
  }

  private async fail({ hold }: Execution, failure: JobError): Promise<void> {
    await this.settlement.fail(hold.lease, failure);
  }

  private async retryWithFreedMemory({ hold, instance }: Execution): Promise<void> {
    await instance.client.http.free().catch(() => undefined);
    if (hold.isCancelRequested) return this.settlement.cancel(hold.lease);
    const isLast = await this.hasNoStartLeft(hold.lease.jobId);
    if (!isLast && (await this.leases.spendMemoryRetry(hold.lease))) {
      return this.leases.handBack(hold.lease, 'out_of_memory');
    }
    return this.settlement.fail(hold.lease, FAILURES.outOfMemory);
  }

  private async hasNoStartLeft(jobId: string): Promise<boolean> {
    return ((await this.jobs.find(jobId))?.starts ?? 0) >= MAX_STARTS;
  }
}
