import { Injectable } from '@nestjs/common';
import { AuditTrail, People } from '../auth/index.js';
import { Database, DomainError } from '../platform/index.js';
import type { Job } from './job-row.js';
import { JobSubmission } from './job-submission.js';
import { jobError } from './jobs.errors.js';
import { Jobs } from './jobs.service.js';

/**
 * Second chances for ended jobs, at an admin's wish. An end is final, so a retry is a new job of the
 * same person that points to the old one: see docs/decisions/0011-a-retry-is-a-new-job.md.
 */
@Injectable()
export class JobRetries {
  constructor(
    private readonly database: Database,
    private readonly jobs: Jobs,
    private readonly submission: JobSubmission,
    private readonly people: People,
    private readonly audit: AuditTrail,
  ) {}

  /**
   * Orders a failed or cancelled job again with the same parameters and pictures, at its old price;
   * the audit trail names who did it. Returns the new job's id. Joins the caller's transaction.
   * Throws jobs.not_found, jobs.not_retryable (it is open or succeeded; its person or a picture is
   * gone), jobs.already_retried and credits.insufficient.
   */
  retry(jobId: string): Promise<string> {
    return this.database.transaction(async () => {
      await this.database.query('SELECT 1 FROM jobs WHERE id = $1 FOR UPDATE', [jobId]);
      const job = await this.jobs.find(jobId);
      if (!job) throw jobError('jobs.not_found', 'No job has this id.');
      await this.check(job);
      const retryId = await this.order(job);
      await this.audit.record({
        kind: 'jobs.job-retried',
        subjectId: job.userId,
        details: { jobId, retryId },
      });
      return retryId;
    });
  }

  private async check(job: Job): Promise<void> {
    if (job.status !== 'failed' && job.status !== 'cancelled') {
      throw jobError(
        'jobs.not_retryable',
        `The job is ${job.status}; only failed and cancelled jobs are retried.`,
      );
    }
    const earlier = await this.database.one<{ id: string }>(
      'SELECT id FROM jobs WHERE retry_of = $1',
      [job.id],
    );
    if (earlier) {
      throw jobError(
        'jobs.already_retried',
        `The job ${earlier.id} is its retry; if that one has failed as well, retry it instead.`,
      );
    }
    const { status } = await this.people.get(job.userId);
    if (status !== 'active') {
      throw jobError('jobs.not_retryable', `The job's person is ${status}.`);
    }
  }

  private async order(job: Job): Promise<string> {
    const inputs = await this.database.query<{ role: string; fileId: string }>(
      'SELECT role, file_id AS "fileId" FROM job_inputs WHERE job_id = $1 ORDER BY role',
      [job.id],
    );
    const { kind, workflow, title, parameters, capability } = job;
    try {
      const ordered = await this.submission.submit(
        { id: job.userId },
        { kind, workflow, title, parameters, inputs, ...(capability !== null && { capability }) },
        job,
      );
      return ordered.job.id;
    } catch (error) {
      if (!(error instanceof DomainError && error.code === 'files.not_found')) throw error;
      throw jobError('jobs.not_retryable', 'A picture that the job needs was deleted.');
    }
  }
}
