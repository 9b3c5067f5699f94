import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import {
  JobLeases,
  JobProgress,
  Jobs,
  JobSettlement,
  LeaseLost,
  MAX_STARTS,
  type JobError,
  type JobLease,
} from '../../jobs/index.js';
import { Database } from '../../platform/index.js';
import { Files } from '../../storage/index.js';
import { ComfyUnreachable, type ComfyClient, type PromptEnd } from '../client/index.js';
import type { GraphFault, HistoryEntry } from '../protocol/index.js';
import { Workflows } from '../workflows.service.js';
import type { Workflow } from '../workflows/workflow.js';
import { FAILURES, isOutOfMemory, nodeFailure, rejection } from './failures.js';
import { LeaseHold } from './lease-hold.js';
import { ProgressReporter } from './progress-reporter.js';
import { NoResult, Results } from './results.js';
import type { LaneTurn } from './turn.js';
import { Uploads } from './uploads.js';

/** What an execution knows of its job; the row was read after the lease was taken. */
interface Execution {
  readonly hold: LeaseHold;
  readonly workflow: Workflow;
  readonly userId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly inputs: ReadonlyMap<string, string>;
  readonly starts: number;
  readonly instance: ExecutionInstance;
  readonly turn: LaneTurn;
}

export interface ExecutionInstance {
  readonly id: string;
  readonly client: ComfyClient;
}

const POST_ATTEMPTS = 3;
const LOOK_UP_PAUSE_MS = 500;
const CANCEL_REPEAT_MS = 1_000;
/** A job that an instance could not take waits so long before it is picked again. */
const RETRY_PAUSE_SECONDS = 2;

/**
 * Runs one leased job on one ComfyUI: upload → prompt → follow → collect → settle. Every outside
 * effect is preceded by a look at the lease; a cut at any point leaves a row from which a successor
 * goes on.
 */
@Injectable()
export class JobExecutor {
  private readonly logger = new Logger(JobExecutor.name);
  private readonly holds = new Map<string, LeaseHold>();

  constructor(
    private readonly database: Database,
    private readonly jobs: Jobs,
    private readonly leases: JobLeases,
    private readonly progress: JobProgress,
    private readonly settlement: JobSettlement,
    private readonly workflows: Workflows,
    private readonly files: Files,
    private readonly uploads: Uploads,
    private readonly results: Results,
  ) {}

  /** The owner of a job wants it to end: look at its row now rather than at the next renewal. */
  noticeCancel(jobId: string): void {
    void this.holds.get(jobId)?.renew();
  }

  /** Never rejects: whatever happens is in the row, or is left to the lease. */
  async execute(
    lease: JobLease,
    instance: ExecutionInstance,
    turn: LaneTurn,
    stop: AbortSignal,
  ): Promise<void> {
    let cancelling: Promise<void> | undefined;
    let promptId: string | undefined;
    const isOver = new AbortController();
    const hold = new LeaseHold(lease, this.leases, () => {
      cancelling ??= this.keepCancelling(() => promptId, instance.client, isOver.signal);
    });
    this.holds.set(lease.jobId, hold);
    try {
      const job = await this.jobs.find(lease.jobId);
      if (
        !job ||
        job.finishedAt ||
        job.leaseEpoch !== lease.epoch ||
        job.leaseOwner !== lease.owner
      )
        return;
      const workflow = this.workflows.find(job.workflow);
      if (!workflow) return await this.settlement.fail(lease, FAILURES.workflowRemoved);
      const execution: Execution = {
        hold,
        workflow,
        userId: job.userId,
        parameters: job.parameters,
        inputs: await this.inputsOf(lease.jobId),
        starts: job.starts,
        instance,
        turn,
      };
      await hold.renew();
      if (hold.isCancelRequested && job.promptId === null)
        return await this.settlement.cancel(lease);
      promptId = job.promptId ?? undefined;
      if (promptId !== undefined && !(await this.isKnown(promptId, instance.client))) {
        return await this.afterLoss(execution);
      }
      promptId ??= await this.start(execution, (id) => (promptId = id), stop);
      if (promptId === undefined) return;
      turn.posted();
      await this.followToEnd(execution, promptId, stop);
    } catch (error) {
      await this.leave(error, lease, instance, promptId, stop);
    } finally {
      isOver.abort();
      hold.stop();
      if (this.holds.get(lease.jobId) === hold) this.holds.delete(lease.jobId);
      turn.posted();
      turn.gpuDone();
      await cancelling;
    }
  }

  /** What is left to do when an execution breaks off: nothing of ours may go on unseen. */
  private async leave(
    error: unknown,
    lease: JobLease,
    instance: ExecutionInstance,
    promptId: string | undefined,
    stop: AbortSignal,
  ): Promise<void> {
    try {
      if (stop.aborted) {
        // A planned stop: a prompt on the GPU goes on and is adopted, everything else is given back.
        return await (promptId === undefined
          ? this.leases.handBack(lease, 'stopped')
          : this.leases.abandon(lease));
      }
      if (error instanceof LeaseLost) {
        this.logger.warn(`Fenced: job ${lease.jobId} belongs to another worker`);
        if (promptId !== undefined) await instance.client.http.cancel(promptId);
        return;
      }
      if (error instanceof NoResult) return await this.settlement.fail(lease, error.failure);
      this.logger.warn({ err: error, jobId: lease.jobId }, 'a job broke off and is given back');
      await this.leases.handBack(lease, 'broken_off', RETRY_PAUSE_SECONDS);
    } catch (failure) {
      this.logger.warn({ err: failure, jobId: lease.jobId }, 'a job is left to its lease');
    }
  }

  /** Uploads, mints an id, stores it, posts. Undefined: the job was settled or given back here. */
  private async start(
    execution: Execution,
    onMinted: (promptId: string) => void,
    stop: AbortSignal,
  ): Promise<string | undefined> {
    const { hold, workflow, instance, turn } = execution;
    const { client } = instance;
    for (let attempt = 1; attempt <= POST_ATTEMPTS; attempt += 1) {
      const images: Record<string, string> = {};
      for (const [role, fileId] of execution.inputs)
        images[role] = await this.uploads.send(client, fileId);
      await turn.mayPost;
      if (stop.aborted) throw new Error('The worker stops.');
      if (hold.isCancelRequested) {
        await this.settlement.cancel(hold.lease);
        return undefined;
      }
      const promptId = randomUUID();
      const graph = workflow.build(execution.parameters, {
        images,
        filenamePrefix: `hom/${promptId}`,
      });
      await this.leases.recordPrompt(hold.lease, promptId, instance.id);
      onMinted(promptId);
      hold.assertLive();
      const faults = await this.post(client, { promptId, clientId: client.clientId, graph });
      if (faults === undefined) continue;
      if (faults.length === 0) return promptId;
      await client.http.cancel(promptId);
      if (faults.some(isLostUpload) && attempt < POST_ATTEMPTS) {
        // ComfyUI was restarted since the upload, which wiped its temp folder.
        this.uploads.forget(client);
        continue;
      }
      await this.settlement.fail(hold.lease, rejection(faults));
      return undefined;
    }
    throw new ComfyUnreachable('POST /prompt did not go through');
  }

  /** The faults of the graph; undefined: not queued, so that another id may be posted. */
  private async post(
    client: ComfyClient,
    request: Parameters<ComfyClient['http']['postPrompt']>[0],
  ): Promise<readonly GraphFault[] | undefined> {
    try {
      return await client.http.postPrompt(request);
    } catch (error) {
      if (!(error instanceof ComfyUnreachable)) throw error;
      // It may have been queued all the same (§4.7): look it up before anything is posted again.
      await sleep(LOOK_UP_PAUSE_MS);
      return (await this.isKnown(request.promptId, client)) ? [] : undefined;
    }
  }

  /** /queue first, then /history: the other order can miss a prompt that is just ending (§4.6). */
  private async isKnown(promptId: string, client: ComfyClient): Promise<boolean> {
    const queue = await client.http.queue();
    if (queue.running.has(promptId) || queue.pending.has(promptId)) return true;
    return (await client.http.history(promptId)) !== undefined;
  }

  private async followToEnd(
    execution: Execution,
    promptId: string,
    stop: AbortSignal,
  ): Promise<void> {
    const { hold, workflow, instance, turn } = execution;
    const reporter = new ProgressReporter(this.progress, hold, workflow.steps);
    const deadline = new AbortController();
    let deadlineTimer: NodeJS.Timeout | undefined;
    let marking: Promise<void> = Promise.resolve();
    const onRunning = () => {
      deadlineTimer ??= setTimeout(() => deadline.abort(), workflow.deadlineSeconds * 1_000);
      marking = marking.then(() =>
        this.leases.markRunning(hold.lease, promptId, workflow.deadlineSeconds),
      );
      marking.catch(() => undefined);
    };
    deadline.signal.addEventListener('abort', () => {
      void this.keepCancelling(
        () => promptId,
        instance.client,
        AbortSignal.any([hold.signal, stop]),
      ).catch(() => undefined);
    });
    let end: PromptEnd;
    try {
      end = await instance.client.follower.follow(
        promptId,
        {
          onRunning,
          onNode: (nodeId) => reporter.enter(nodeId),
          onProgress: (nodes) => reporter.report(nodes),
          onPreview: (mimeType, bytes) => reporter.preview(mimeType, bytes),
        },
        AbortSignal.any([hold.signal, stop]),
      );
    } finally {
      clearTimeout(deadlineTimer);
      await reporter.stop();
    }
    turn.gpuDone();
    if (end.kind !== 'ended') return this.afterLoss(execution, end.kind);
    onRunning();
    clearTimeout(deadlineTimer);
    await marking;
    await this.settle(execution, promptId, end.entry, deadline.signal.aborted);
  }

  private async settle(
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
        const results = await this.results.collect(
          { ...execution, promptId, entry },
          instance.client,
          hold,
        );
        await this.settlement.succeed(hold.lease, results);
        break;
      }
      case 'interrupted':
        if (isLate) await this.settlement.fail(hold.lease, FAILURES.deadline);
        else if (hold.isCancelRequested) await this.settlement.cancel(hold.lease);
        else await this.afterLoss(execution, 'interrupted');
        break;
      case 'failed':
        await this.afterError(
          execution,
          isLate ? FAILURES.deadline : nodeFailure(outcome.error),
          isOutOfMemory(outcome.error),
        );
        break;
    }
    await instance.client.http.deleteHistory(promptId).catch(() => undefined);
  }

  private async afterError(
    execution: Execution,
    failure: JobError,
    isMemory: boolean,
  ): Promise<void> {
    const { hold, instance } = execution;
    if (!isMemory) return this.settlement.fail(hold.lease, failure);
    await instance.client.http.free().catch(() => undefined);
    if (hold.isCancelRequested) return this.settlement.cancel(hold.lease);
    if (execution.starts + 1 < MAX_STARTS && (await this.leases.spendMemoryRetry(hold.lease))) {
      return this.leases.handBack(hold.lease, 'out_of_memory');
    }
    return this.settlement.fail(hold.lease, FAILURES.outOfMemory);
  }

  /** The prompt is gone without an end: cancelled if so wished, else another start while one is left. */
  private async afterLoss(execution: Execution, outcome = 'lost'): Promise<void> {
    const { hold, instance } = execution;
    this.uploads.forget(instance.client);
    await hold.renew();
    if (hold.isCancelRequested) return this.settlement.cancel(hold.lease);
    const job = await this.jobs.find(hold.lease.jobId);
    if ((job?.starts ?? 0) >= MAX_STARTS) return this.settlement.fail(hold.lease, FAILURES.lost);
    await this.leases.handBack(
      hold.lease,
      outcome,
      outcome === 'unreachable' ? RETRY_PAUSE_SECONDS : 0,
    );
  }

  /** An interrupt can be lost (§2.3), so it is repeated until the execution is over. */
  private async keepCancelling(
    promptId: () => string | undefined,
    client: ComfyClient,
    isOver: AbortSignal,
  ): Promise<void> {
    while (!isOver.aborted) {
      const id = promptId();
      if (id !== undefined) await client.http.cancel(id).catch(() => undefined);
      await sleep(CANCEL_REPEAT_MS, undefined, { signal: isOver }).catch(() => undefined);
    }
  }

  private async inputsOf(jobId: string): Promise<Map<string, string>> {
    const rows = await this.database.query<{ role: string; fileId: string }>(
      'SELECT role, file_id AS "fileId" FROM job_inputs WHERE job_id = $1',
      [jobId],
    );
    return new Map(rows.map(({ role, fileId }) => [role, fileId]));
  }
}

/** LoadImage does not find a file that we uploaded (§2.1: custom_validation_failed). */
const isLostUpload = (fault: GraphFault): boolean =>
  fault.type === 'custom_validation_failed' && (fault.classType ?? '').startsWith('LoadImage');
