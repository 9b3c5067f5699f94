import { Injectable, Logger } from '@nestjs/common';
import { counter, Database, gauge, histogram, MetricReadings } from '../platform/index.js';
import type { JobStatus } from './job.js';

/** An end of a job as it was committed; times in seconds, null where it never ran. */
export interface JobEnd {
  readonly id: string;
  readonly workflow: string;
  readonly status: JobStatus;
  readonly code: string | null;
  readonly waited: number | null;
  readonly ran: number | null;
}

const SECONDS = [0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600, 1_800, 3_600, 14_400];
const STATES = ['unknown', 'ready', 'down', 'sick'];

/** Figures about jobs and GPUs for Prometheus, and one log line per end. */
@Injectable()
export class JobMetrics {
  private readonly logger = new Logger('Jobs');
  private readonly wait = histogram(
    'jobs_wait_seconds',
    'From the order to the first start',
    ['workflow'],
    SECONDS,
  );
  private readonly run = histogram(
    'jobs_run_seconds',
    'From the first start to the end',
    ['workflow', 'status'],
    SECONDS,
  );
  private readonly ends = counter('jobs_ended_total', 'Jobs that ended in this process', [
    'workflow',
    'status',
    'code',
  ]);
  private readonly open = gauge('jobs_open', 'Jobs that have not ended', ['workflow', 'status']);
  private readonly oldest = gauge(
    'jobs_oldest_wait_seconds',
    'Age of the oldest job that waits for a start',
    ['workflow'],
  );
  private readonly state = gauge('gpu_state', '1 for the state that the instance is in', [
    'instance',
    'state',
  ]);

  constructor(
    private readonly database: Database,
    readings: MetricReadings,
  ) {
    readings.add('jobs', () => this.readJobs());
    readings.add('instances', () => this.readInstances());
  }

  /** Counts an end once it is committed. */
  note({ id, workflow, status, code, waited, ran }: JobEnd): void {
    this.ends.inc({ workflow, status, code: code ?? '' });
    if (waited !== null) this.wait.observe({ workflow }, waited);
    if (ran !== null) this.run.observe({ workflow, status }, ran);
    this.logger.log({ jobId: id, workflow, status, code, waited, ran }, 'a job has ended');
  }

  private async readJobs(): Promise<void> {
    const rows = await this.database.query<{
      workflow: string;
      status: JobStatus;
      count: number;
      age: number;
    }>(
      `SELECT workflow, status, count(*)::int AS count,
         extract(epoch FROM now() - min(created_at))::float8 AS age
       FROM jobs WHERE finished_at IS NULL GROUP BY workflow, status`,
    );
    this.open.reset();
    this.oldest.reset();
    for (const { workflow, status, count, age } of rows) {
      this.open.set({ workflow, status }, count);
      if (status === 'queued') this.oldest.set({ workflow }, age);
    }
  }

  private async readInstances(): Promise<void> {
    const rows = await this.database.query<{ id: string; state: string }>(
      'SELECT id, state FROM instances',
    );
    this.state.reset();
    for (const { id, state } of rows) {
      for (const one of STATES) this.state.set({ instance: id, state: one }, one === state ? 1 : 0);
    }
  }
}
