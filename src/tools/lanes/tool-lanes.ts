import { getQueueToken } from '@nestjs/bullmq';
import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { Config } from '../../config/index.js';
import {
  JOB_WISH_CHANNEL,
  JobLeases,
  JOBS_WAITING_CHANNEL,
  meansJobsOf,
  ProviderTasks,
} from '../../jobs/index.js';
import { Notifications, Timetable, type LaneRecord } from '../../platform/index.js';
import { ToolExecutor } from '../executor/tool-executor.js';
import { BALANCE_MOVED, TOOL_WAKE_CHANNEL } from '../tool-wake.js';
import { ToolMetrics } from '../tool-metrics.js';
import type { ToolId } from '../tool.js';
import { Toolbox } from '../toolbox.js';
import { ToolLane } from './tool-lane.js';

const BALANCE_EVERY_MS = 300_000;

/** The BullMQ queue of each tool's provider. */
export const TOOL_QUEUES: Readonly<Record<ToolId, string>> = {
  'models-3d': 'tools-tripo',
  'try-ons': 'tools-try-on',
};

/** Starts and stops the lanes of the tools that are set up, in a worker process. */
@Injectable()
export class ToolLanes implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(ToolLanes.name);
  private lanes: readonly ToolLane[] = [];
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly toolbox: Toolbox,
    private readonly module: ModuleRef,
    private readonly leases: JobLeases,
    private readonly tasks: ProviderTasks,
    private readonly executor: ToolExecutor,
    private readonly notifications: Notifications,
    private readonly metrics: ToolMetrics,
    private readonly config: Config,
    timetable: Timetable,
  ) {
    timetable.every("balance of the tools' providers", BALANCE_EVERY_MS, () => this.askBalance());
  }

  async onApplicationBootstrap(): Promise<void> {
    const { leases, tasks, executor } = this;
    this.lanes = this.toolbox.all().map((tool) => {
      const queue = this.module.get<Queue<LaneRecord>>(getQueueToken(TOOL_QUEUES[tool.id]), {
        strict: false,
      });
      const showPaused = (isPaused: boolean) =>
        this.metrics.paused.set({ provider: tool.provider.name }, isPaused ? 1 : 0);
      return new ToolLane(tool, queue, { leases, tasks, executor, showPaused });
    });
    for (const lane of this.lanes) lane.start();
    this.unsubscribe = await Promise.all([
      this.notifications.subscribe(JOBS_WAITING_CHANNEL, (payload) => {
        if (!meansJobsOf('tool', payload)) return;
        for (const lane of this.lanes) lane.nudge();
      }),
      this.notifications.subscribe(JOB_WISH_CHANNEL, (jobId) => this.executor.noticeWish(jobId)),
      this.notifications.subscribe(TOOL_WAKE_CHANNEL, (moved) => {
        if (moved === BALANCE_MOVED) void this.askBalance();
        else this.executor.wake(moved);
      }),
    ]);
    void this.askBalance();
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    await Promise.all(this.lanes.map((lane) => lane.stop()));
  }

  private async askBalance(): Promise<void> {
    const { tripo } = this.toolbox;
    if (!tripo) return;
    const limit = AbortSignal.timeout(this.config.tools.timeoutMs);
    const balance = await tripo.balance(limit).catch((error: unknown) => {
      this.logger.warn({ err: error }, `${tripo.name} does not tell its balance`);
    });
    if (balance === undefined) return;
    const isLow = balance < this.config.tools.tripo.lowBalance;
    this.metrics.balance.set({ provider: tripo.name }, balance);
    this.metrics.isBalanceLow.set({ provider: tripo.name }, isLow ? 1 : 0);
    if (isLow) this.logger.warn(`the balance at ${tripo.name} is low: ${balance}`);
  }
}
