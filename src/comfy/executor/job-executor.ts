import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import {
  JobLeases,
  JobProgress,
  Jobs,
  JobSettlement,
  LeaseHold,
  LeaseLost,
  type JobLease,
} from '../../jobs/index.js';
import { Database } from '../../platform/index.js';
import { ComfyUnreachable, type ComfyClient, type PromptEnd } from '../client/index.js';
import { capabilityKey, stepsOf } from '../workflows/capability.js';
import { Workflows } from '../workflows.service.js';
import { isKnownTo, type Execution, type ExecutionInstance } from './execution.js';
import { FAILURES } from './failures.js';
import { ProgressReporter } from './progress-reporter.js';
import { PromptEnding } from './prompt-ending.js';
import { PromptPosting } from './prompt-posting.js';
import { NoResult } from './results.js';
import type { LaneTurn } from './turn.js';

const CANCEL_REPEAT_MS = 1_000;
/** After its deadline a prompt is being stopped; one that still runs so many leases later hangs. */
const HUNG_AFTER_LEASES = 2;

/** A prompt of ours, as far as wishes of others concern it. */
interface PromptState {
  id: string | undefined;
  isRunning: boolean;
  hasYielded: boolean;
}

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
    private readonly posting: PromptPosting,
    private readonly ending: PromptEnding,
  ) {}

  /** Somebody wishes something of a job: look at its row now rather than at the next renewal. */
  noticeWish(jobId: string): void {
    void this.holds.get(jobId)?.renew();
  }

  /** Never rejects: whatever happens is in the row, or is left to the lease. */
  async execute(
    lease: JobLease,
    instance: ExecutionInstance,
    turn: LaneTurn,
    stop: AbortSignal,
  ): Promise<void> {
    const prompt: PromptState = { id: undefined, isRunning: false, hasYielded: false };
    const isOver = new AbortController();
    const wishes: Promise<void>[] = [];
    const hold = new LeaseHold(
      lease,
      this.leases,
      () => wishes.push(this.keepCancelling(prompt, instance.client, isOver.signal)),
      () => wishes.push(this.yieldStaged(prompt, instance.client)),
    );
    this.holds.set(lease.jobId, hold);
    let execution: Execution | undefined;
    try {
      execution = await this.open(lease, hold, instance, turn, prompt);
      if (execution) await this.run(execution, prompt, stop);
    } catch (error) {
      await this.leave(error, lease, execution, prompt, stop);
    } finally {
      isOver.abort();
      hold.stop();
      if (this.holds.get(lease.jobId) === hold) this.holds.delete(lease.jobId);
      turn.posted();
      turn.gpuDone();
      await Promise.all(wishes);
    }
  }

  /** Reads the job under its lease; undefined: there is nothing to do, or it was settled here. */
  private async open(
    lease: JobLease,
    hold: LeaseHold,
    instance: ExecutionInstance,
    turn: LaneTurn,
    prompt: PromptState,
  ): Promise<Execution | undefined> {
    const job = await this.jobs.find(lease.jobId);
    const isOurs = job?.leaseEpoch === lease.epoch && job.leaseOwner === lease.owner;
    if (!job || job.finishedAt || !isOurs) return undefined;
    const workflow = this.workflows.find(job.workflow);
    if (!workflow) {
      await this.settlement.fail(lease, FAILURES.workflowRemoved);
      return undefined;
    }
    prompt.id = job.promptId ?? undefined;
    await hold.renew();
    if (hold.isCancelRequested && prompt.id === undefined) {
      await this.settlement.cancel(lease);
      return undefined;
    }
    const { userId, parameters } = job;
    return {
      hold,
      workflow,
      variant:
        prompt.id === undefined
          ? instance.variantOf(capabilityKey(workflow, parameters))
          : (job.variant ?? undefined),
      userId,
      parameters,
      inputs: await this.inputsOf(job.id),
      instance,
      turn,
    };
  }

  private async run(execution: Execution, prompt: PromptState, stop: AbortSignal): Promise<void> {
    const { instance, turn } = execution;
    if (prompt.id !== undefined && !(await isKnownTo(instance.client, prompt.id))) {
      return this.ending.retryAfterLoss(execution, 'lost');
    }
    prompt.id ??= await this.posting.post(execution, (id) => (prompt.id = id), stop);
    if (prompt.id === undefined) return;
    turn.posted();
    await this.followToEnd(execution, prompt, prompt.id, stop);
  }

  private async followToEnd(
    execution: Execution,
    prompt: PromptState,
    promptId: string,
    stop: AbortSignal,
  ): Promise<void> {
    const { hold, workflow, parameters, inputs, variant, instance, turn } = execution;
    const steps = stepsOf(workflow, parameters, { roles: [...inputs.keys()], variant });
    const reporter = new ProgressReporter(this.progress, hold, steps);
    const late = new AbortController();
    const hung = new AbortController();
    const hungAfterMs = HUNG_AFTER_LEASES * this.leases.leaseSeconds * 1_000;
    let timer: NodeJS.Timeout | undefined;
    const mark = () => this.leases.markRunning(hold.lease, promptId, workflow.deadlineSeconds);
    let marking: Promise<void> = Promise.resolve();
    const onRunning = () => {
      if (prompt.isRunning) return;
      prompt.isRunning = true;
      timer = setTimeout(() => {
        late.abort();
        timer = setTimeout(() => hung.abort(new NoResult(FAILURES.deadline)), hungAfterMs);
        const isOver = AbortSignal.any([hold.signal, stop, hung.signal]);
        void this.keepCancelling(prompt, instance.client, isOver);
      }, workflow.deadlineSeconds * 1_000);
      marking = mark();
      marking.catch(() => undefined);
    };
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
        AbortSignal.any([hold.signal, stop, hung.signal]),
      );
    } finally {
      clearTimeout(timer);
      await reporter.stop();
    }
    turn.gpuDone();
    if (end.kind !== 'ended') {
      return this.ending.retryAfterLoss(execution, prompt.hasYielded ? 'yielded' : end.kind);
    }
    onRunning();
    clearTimeout(timer);
    // The database may have been away when it began, which is no reason to start it again.
    await marking.catch(mark);
    await this.ending.settle(execution, promptId, end.entry, late.signal.aborted);
  }

  /** What is left to do when an execution breaks off: nothing of ours may go on unseen. */
  private async leave(
    error: unknown,
    lease: JobLease,
    execution: Execution | undefined,
    prompt: PromptState,
    stop: AbortSignal,
  ): Promise<void> {
    try {
      if (stop.aborted) {
        // A planned stop: a prompt on the GPU goes on and is adopted, everything else is given back.
        return await (prompt.id === undefined
          ? this.leases.handBack(lease, 'stopped')
          : this.leases.abandon(lease));
      }
      if (error instanceof LeaseLost) {
        this.logger.warn(`Fenced: job ${lease.jobId} belongs to another worker`);
        if (execution) await this.endUnclaimed(execution, prompt);
        return;
      }
      if (error instanceof NoResult) return await this.settlement.fail(lease, error.failure);
      this.logger.warn({ err: error, jobId: lease.jobId }, 'a job broke off and is given back');
      const outcome = error instanceof ComfyUnreachable ? 'unreachable' : 'broken_off';
      if (execution) await this.ending.retryAfterLoss(execution, outcome);
      else await this.leases.handBack(lease, outcome);
    } catch (failure) {
      this.logger.warn({ err: failure, jobId: lease.jobId }, 'a job is left to its lease');
    }
  }

  /** A successor may have adopted the prompt; only one that no job claims any more is ended. */
  private async endUnclaimed({ instance }: Execution, { id }: PromptState): Promise<void> {
    if (id === undefined) return;
    const unclaimed = await this.leases.findUnclaimedPrompts([id]);
    if (unclaimed.includes(id)) await instance.client.http.cancel(id);
  }

  /** An interrupt can be lost (§2.3), so it is repeated until the execution is over. */
  private async keepCancelling(
    prompt: PromptState,
    client: ComfyClient,
    isOver: AbortSignal,
  ): Promise<void> {
    while (!isOver.aborted) {
      if (prompt.id !== undefined) {
        await client.http.cancel(prompt.id).catch(() => undefined);
        client.follower.doubt(prompt.id);
      }
      await sleep(CANCEL_REPEAT_MS, undefined, { signal: isOver }).catch(() => undefined);
    }
  }

  /**
   * Takes a staged prompt out of ComfyUI's queue; never the cancel call, which would interrupt it. Where
   * nothing runs it is about to begin, or ComfyUI is wedged, which is another matter.
   */
  private async yieldStaged(prompt: PromptState, client: ComfyClient): Promise<void> {
    if (prompt.id === undefined || prompt.isRunning) return;
    const queue = await client.http.queue().catch(() => undefined);
    if (!queue || queue.running.size === 0 || queue.running.has(prompt.id)) return;
    prompt.hasYielded = true;
    await client.http.deletePending(prompt.id).catch(() => undefined);
    client.follower.doubt(prompt.id);
  }

  private async inputsOf(jobId: string): Promise<Map<string, string>> {
    const rows = await this.database.query<{ role: string; fileId: string }>(
      'SELECT role, file_id AS "fileId" FROM job_inputs WHERE job_id = $1',
      [jobId],
    );
    return new Map(rows.map(({ role, fileId }) => [role, fileId]));
  }
}
