import { Injectable, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Person } from '../auth/index.js';
import { Idempotency, SharedTransactions, Shutdown } from '../platform/index.js';
import type { JobView } from './job.dto.js';
import { JobStreams } from './job-streams.js';
import { JobSubmission, type JobOrder } from './job-submission.js';
import { Jobs } from './jobs.service.js';

const MAX_WAIT_SECONDS = 60;

const preferredWait = (request: Request): number => {
  const match = /(?:^|,)\s*wait=(\d{1,4})/.exec(request.get('prefer') ?? '');
  return Math.min(Number(match?.[1] ?? 0), MAX_WAIT_SECONDS);
};

/** The HTTP side of ordering a job, the same for every route that does so. */
@Injectable()
export class JobOrders {
  private readonly logger = new Logger('Jobs');

  constructor(
    private readonly submission: JobSubmission,
    private readonly idempotency: Idempotency,
    private readonly transactions: SharedTransactions,
    private readonly streams: JobStreams,
    private readonly jobs: Jobs,
    private readonly shutdown: Shutdown,
  ) {}

  /**
   * Submits under the request's Idempotency-Key and sets status and Location: 202, or 200 when
   * `Prefer: wait` saw the end. `fingerprint` replaces the order where equal requests make unequal
   * orders, such as uploads. Returns the job as it is now.
   */
  async place(
    request: Request,
    response: Response,
    person: Person,
    order: JobOrder,
    fingerprint: unknown = order,
  ): Promise<JobView> {
    const result = await this.idempotency.once(
      {
        userId: person.id,
        key: request.get('idempotency-key'),
        route: `${request.method} ${order.workflow}`,
        body: fingerprint,
      },
      async () => {
        const ordered = await this.submission.submit(person, order);
        return { status: 202, resourceId: ordered.job.id, ordered };
      },
      // All orders of a person take from one account and would else wait for each other's commit.
      (work) => this.transactions.run(person.id, work),
    );
    const { resourceId } = result;
    if (!result.isReplay) {
      this.logger.log(
        { jobId: resourceId, workflow: order.workflow, userId: person.id },
        'a job is ordered',
      );
    }
    const seconds = preferredWait(request);
    const hasEnded = seconds > 0 && (await this.waitForEnd(resourceId, seconds, response));
    response.status(hasEnded ? 200 : 202).location(`/v1/jobs/${resourceId}`);
    if (seconds > 0) response.set('Preference-Applied', `wait=${seconds}`);
    const isNew = !result.isReplay && seconds === 0;
    return this.jobs.getView(person.id, isNew ? result.ordered : await this.jobs.read(resourceId));
  }

  private waitForEnd(jobId: string, seconds: number, response: Response): Promise<boolean> {
    const closed = new AbortController();
    response.on('close', () => closed.abort());
    const signal = AbortSignal.any([closed.signal, this.shutdown.signal]);
    return this.streams.waitForEnd(jobId, seconds, signal);
  }
}
