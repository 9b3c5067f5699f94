import { spawn } from 'node:child_process';
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
  Instances,
  JOB_WISH_CHANNEL,
  JobLeases,
  JOBS_WAITING_CHANNEL,
  meansJobsOf,
} from '../../jobs/index.js';
import { HealthChecks, Notifications, type LaneRecord } from '../../platform/index.js';
import { JobExecutor } from '../executor/job-executor.js';
import { Workflows } from '../workflows.service.js';
import { GpuMetrics } from './gpu-metrics.js';
import { InstanceDriver } from './instance-driver.js';

/** The name of an instance in rows and queues, made of its address. */
export const instanceId = (url: string): string =>
  url
    .replace(/^https?:\/\//, '')
    .replace(/[^\w.]+/g, '-')
    .replace(/-$/, '');

/** The BullMQ queue of an instance. */
export const laneName = (url: string): string => `comfy-${instanceId(url)}`;

/** Starts and stops the drivers of all configured instances in a worker process. */
@Injectable()
export class Lanes implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Lanes.name);
  private drivers: readonly InstanceDriver[] = [];
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly config: Config,
    private readonly module: ModuleRef,
    private readonly instances: Instances,
    private readonly leases: JobLeases,
    private readonly executor: JobExecutor,
    private readonly workflows: Workflows,
    private readonly notifications: Notifications,
    private readonly metrics: GpuMetrics,
    health: HealthChecks,
  ) {
    health.add('instances', () => {
      const waiting = this.drivers.filter((driver) => !driver.hasProbed).map((driver) => driver.id);
      const ok = this.drivers.length > 0 && waiting.length === 0;
      return Promise.resolve(ok ? { ok } : { ok, detail: `not asked yet: ${waiting.join(', ')}` });
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    const addresses = this.config.comfy.urls.map((url) => ({ id: instanceId(url), url }));
    await this.instances.declare(addresses);
    const { instances, leases, executor, workflows, metrics } = this;
    const { instanceLeaseSeconds, instanceGraceSeconds } = this.config.comfy;
    const times = {
      inspectEveryMs: (instanceLeaseSeconds * 1_000) / 3,
      hungAfterMs: 2 * instanceLeaseSeconds * 1_000,
      graceMs: instanceGraceSeconds * 1_000,
    };
    const restart = this.restartBy(this.config.comfy.restartCommand);
    this.drivers = addresses.map(({ id, url }) => {
      const queue = this.module.get<Queue<LaneRecord>>(getQueueToken(laneName(url)), {
        strict: false,
      });
      return new InstanceDriver(
        id,
        url,
        queue,
        { instances, leases, executor, workflows, metrics, restart },
        times,
      );
    });
    for (const driver of this.drivers) driver.start();
    this.unsubscribe = await Promise.all([
      this.notifications.subscribe(JOBS_WAITING_CHANNEL, (payload) => {
        if (!meansJobsOf('comfy', payload)) return;
        for (const driver of this.drivers) driver.nudge();
      }),
      this.notifications.subscribe(JOB_WISH_CHANNEL, (jobId) => this.executor.noticeWish(jobId)),
    ]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    await Promise.all(this.drivers.map((driver) => driver.stop()));
  }

  /** Runs the operator's command with the address of the wedged ComfyUI as its first argument. */
  private restartBy(command: string | undefined) {
    if (command === undefined) return undefined;
    return (url: string, reason: string): void => {
      this.logger.warn(`COMFY_RESTART_CMD for ${url}: ${reason}`);
      const child = spawn('sh', ['-c', command, 'sh', url], { stdio: 'ignore' });
      child.on('error', (error) => this.logger.error(`COMFY_RESTART_CMD: ${error.message}`));
      child.on(
        'exit',
        (code) => code !== 0 && this.logger.error(`COMFY_RESTART_CMD ended with ${code}`),
      );
    };
  }
}
