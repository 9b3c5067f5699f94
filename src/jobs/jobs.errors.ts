import { defineErrors } from '../platform/index.js';

export const jobError = defineErrors({
  'jobs.not_found': { status: 404, title: 'No such job' },
  'jobs.already_finished': { status: 409, title: 'The job has already ended' },
  'jobs.not_succeeded': { status: 409, title: 'The job has not succeeded' },
  'jobs.not_retryable': { status: 409, title: 'The job cannot be retried' },
  'jobs.already_retried': { status: 409, title: 'The job was retried before' },
  'jobs.no_preview': { status: 404, title: 'No preview yet' },
});

/**
 * The worker's hold on a job is over: another has taken it, or it has ended. Nothing of what the
 * worker wanted to write was written; it must stop touching the job.
 */
export class LeaseLost extends Error {
  constructor(jobId: string) {
    super(`The lease of job ${jobId} is lost.`);
  }
}
