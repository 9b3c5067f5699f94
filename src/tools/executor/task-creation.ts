import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../../config/index.js';
import {
  JobProgress,
  JobSettlement,
  MAX_STARTS,
  ProviderTasks,
  type ProviderTaskRecord,
} from '../../jobs/index.js';
import { ProviderError, type PreparedTask } from '../providers/provider.js';
import { ToolMetrics } from '../tool-metrics.js';
import type { Execution } from './execution.js';
import { FAILURES } from './failures.js';
import { JobPictures } from './pictures.js';

const LOOK_PAUSE_MS = 2_000;
/** A provider that cannot be asked for so long is not waited for any longer. */
const GIVE_UP_SECONDS = 3_600;

/** What the creation needs of a job's row. */
export interface ToolJob {
  readonly id: string;
  readonly userId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Makes a job's task at its provider: at most once where that costs money. */
@Injectable()
export class TaskCreation {
  private readonly logger = new Logger(TaskCreation.name);

  constructor(
    private readonly tasks: ProviderTasks,
    private readonly settlement: JobSettlement,
    private readonly progress: JobProgress,
    private readonly pictures: JobPictures,
    private readonly metrics: ToolMetrics,
    private readonly config: Config,
  ) {}

  /**
   * The id of the job's task, made now or found at the provider when an earlier create is of unknown
   * outcome. Undefined: the job was settled here. Throws ProviderError or LeaseLost.
   */
  async create(
    execution: Execution,
    job: ToolJob,
    record: ProviderTaskRecord | undefined,
  ): Promise<string | undefined> {
    const { hold, tool } = execution;
    if (record && record.secondsSinceCreate !== null) {
      if (!tool.provider.isFree) {
        return this.reconcile(execution, record.marker, record.secondsSinceCreate);
      }
      await this.tasks.forget(hold.lease);
    }
    if (((await this.tasks.find(job.id))?.starts ?? 0) >= MAX_STARTS) {
      await this.settlement.fail(hold.lease, FAILURES.lost);
      return undefined;
    }
    const prepared = await this.prepare(execution, job);
    return prepared && (await this.send(execution, job, prepared));
  }

  private async prepare(execution: Execution, job: ToolJob): Promise<PreparedTask | undefined> {
    const { hold, tool, signal } = execution;
    if (hold.isCancelRequested) return this.cancelled(execution);
    await this.progress.report(hold.lease, 1, 'sending the pictures');
    const pictures = await this.pictures.of(job.id);
    const prepared = await tool.prepare(job.parameters, pictures, signal);
    return hold.isCancelRequested ? this.cancelled(execution) : prepared;
  }

  private async cancelled({ hold }: Execution): Promise<undefined> {
    await this.settlement.cancel(hold.lease);
    return undefined;
  }

  /** The one place that spends money. */
  private async send(
    execution: Execution,
    job: ToolJob,
    prepared: PreparedTask,
    isSecondTry = false,
  ): Promise<string | undefined> {
    const { hold, tool } = execution;
    execution.stop.throwIfAborted();
    await this.tasks.noteCreate(hold.lease, prepared.marker);
    hold.assertLive();
    let taskId: string;
    try {
      taskId = await tool.provider.create(prepared);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      this.metrics.creates.inc({ provider: tool.provider.name, outcome: error.kind });
      if (error.kind === 'indeterminate' && !tool.provider.isFree) {
        this.logger.warn({ err: error, jobId: job.id }, 'a create of unknown outcome');
        return this.reconcile(execution, prepared.marker, 0);
      }
      await this.tasks.forget(hold.lease);
      if (error.kind === 'not-found' && !isSecondTry) {
        // The uploaded pictures are gone there: sent once more.
        const again = await this.prepare(execution, job);
        return again && this.send(execution, job, again, true);
      }
      if (error.kind === 'not-found') throw new ProviderError('invalid', error.message);
      throw error.kind === 'indeterminate'
        ? new ProviderError('unavailable', error.message)
        : error;
    }
    this.metrics.creates.inc({ provider: tool.provider.name, outcome: 'accepted' });
    await this.tasks.recordTask(hold.lease, taskId);
    return taskId;
  }

  /** Asks the provider whether it has the task. Never creates: not found is given up, without a charge. */
  private async reconcile(
    execution: Execution,
    marker: string | null,
    secondsSinceCreate: number,
  ): Promise<string | undefined> {
    const { hold, tool, signal } = execution;
    const { name } = tool.provider;
    const began = performance.now() - secondsSinceCreate * 1_000;
    await this.progress.report(hold.lease, 1, 'asking the provider whether it has the order');
    for (;;) {
      const waited = (performance.now() - began) / 1_000;
      let hasAnswered = false;
      try {
        const taskId = marker === null ? undefined : await tool.provider.find(marker, signal);
        hasAnswered = true;
        if (taskId !== undefined) {
          this.metrics.reconciled.inc({ provider: name, outcome: 'found' });
          await this.tasks.recordTask(hold.lease, taskId);
          return taskId;
        }
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
      }
      if (waited > (hasAnswered ? this.config.tools.reconcileSeconds : GIVE_UP_SECONDS)) {
        this.metrics.reconciled.inc({ provider: name, outcome: 'given_up' });
        this.logger.error(
          { jobId: hold.lease.jobId, marker },
          'the outcome of a paid create is unknown',
        );
        await this.settlement.fail(hold.lease, FAILURES.unknownOutcome);
        return undefined;
      }
      await execution.pause(LOOK_PAUSE_MS);
    }
  }
}
