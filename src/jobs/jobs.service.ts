import { Injectable } from '@nestjs/common';
import {
  Database,
  decodeCursor,
  SharedReads,
  toPage,
  type AheadReader,
  type Page,
  type Statement,
} from '../platform/index.js';
import type { JobsQuery, JobView } from './job.dto.js';
import { isTerminal, type JobError, type JobKind, type JobStatus } from './job.js';
import { JOB_WISH_CHANNEL } from './job-lease.js';
import { JOB_COLUMNS, WHOLE_JOB_COLUMNS, type Job, type WholeJob } from './job-row.js';
import { JobSettlement } from './job-settlement.js';
import { JobViews, type JobReading } from './job-views.js';
import { jobError } from './jobs.errors.js';

/** A job for other modules, such as the mail about it. */
export interface JobSummary {
  readonly id: string;
  readonly userId: string;
  readonly kind: JobKind;
  readonly workflow: string;
  readonly title: string;
  readonly status: JobStatus;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly creditsCaptured: number;
  readonly outputs: readonly {
    readonly name: string;
    readonly type: 'file' | 'text';
    readonly fileId?: string;
    readonly text?: string;
    readonly mimeType?: string;
  }[];
  readonly error: JobError | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** Of an id that may be nobody's. */
export type Reading = JobReading<WholeJob | undefined>;

/** Jobs as persons see and cancel them. */
@Injectable()
export class Jobs implements AheadReader {
  private readonly whole: SharedReads<WholeJob>;

  constructor(
    private readonly database: Database,
    private readonly views: JobViews,
    private readonly settlement: JobSettlement,
  ) {
    this.whole = new SharedReads(
      database,
      'whole-jobs',
      (ids) => `SELECT ${WHOLE_JOB_COLUMNS} FROM jobs WHERE id = ${ids}`,
      ({ id }) => id,
    );
  }

  /** For {@link getView}: the job, whoever owns it. */
  async read(jobId: string): Promise<Reading> {
    const [job, files] = await Promise.all([this.whole.find(jobId), this.views.likelyFiles(jobId)]);
    return { job, files };
  }

  /** The query for whole jobs with these ids, for who has just written them. */
  reading(jobIds: readonly string[]): Statement {
    return this.whole.statementOf(jobIds);
  }

  /** Throws jobs.not_found, for another person's job too. */
  async getView(personId: string, reading: Reading): Promise<JobView> {
    return this.views.of({ ...reading, job: this.own(personId, reading.job) });
  }

  /** Throws jobs.not_found, for another person's job too. */
  async get(personId: string, jobId: string): Promise<WholeJob> {
    return this.own(personId, await this.whole.find(jobId));
  }

  private own(personId: string, job: WholeJob | undefined): WholeJob {
    if (job?.userId !== personId) throw jobError('jobs.not_found', 'No job of yours has this id.');
    return job;
  }

  /** A job as its owner sees it, for admins. Throws jobs.not_found. */
  async viewOf(jobId: string): Promise<JobView> {
    return this.views.of(await this.readExisting(jobId));
  }

  /** A job whoever owns it, with its outputs. Throws jobs.not_found. */
  async summary(jobId: string): Promise<JobSummary> {
    const reading = await this.readExisting(jobId);
    const { job } = reading;
    const { outputs } = await this.views.of(reading);
    return {
      id: job.id,
      userId: job.userId,
      kind: job.kind,
      workflow: job.workflow,
      title: job.title,
      status: job.status,
      parameters: job.parameters,
      creditsCaptured: job.status === 'succeeded' ? job.credits : 0,
      outputs: outputs.map(({ name, type, file, text }) => ({
        name,
        type,
        ...(file && { fileId: file.id, mimeType: file.mimeType }),
        ...(text !== undefined && { text }),
      })),
      error: job.error,
      createdAt: job.createdAt,
      finishedAt: job.finishedAt,
    };
  }

  private async readExisting(jobId: string): Promise<JobReading> {
    const { job, files } = await this.read(jobId);
    if (!job) throw jobError('jobs.not_found', 'No job has this id.');
    return { job, files };
  }

  find(jobId: string): Promise<Job | undefined> {
    return this.database.one<Job>(`SELECT ${JOB_COLUMNS} FROM jobs WHERE id = $1`, [jobId]);
  }

  /** Newest first. */
  async list(personId: string, query: JobsQuery): Promise<Page<JobView>> {
    const after = decodeCursor(query.cursor);
    const jobs = await this.database.query<WholeJob>(
      `SELECT ${WHOLE_JOB_COLUMNS} FROM jobs
       WHERE user_id = $1 AND ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR workflow = $3)
         AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
       ORDER BY created_at DESC, id DESC LIMIT $6`,
      [personId, query.status, query.workflow, after?.createdAt, after?.id, query.limit + 1],
    );
    const page = toPage(jobs, query.limit, (job) => job);
    return { ...page, items: await this.views.ofAll(page.items) };
  }

  /**
   * Wishes a job to end. At once when nothing holds it, else its holder ends it soon. A repeat
   * changes nothing. Throws jobs.already_finished after success or failure, and jobs.not_found.
   */
  async cancel(personId: string, jobId: string): Promise<JobView> {
    const before = await this.get(personId, jobId);
    if (before.status === 'succeeded' || before.status === 'failed') {
      throw jobError(
        'jobs.already_finished',
        `The job has ${before.status}; it cannot be cancelled any more.`,
      );
    }
    if (!isTerminal(before.status)) {
      await this.database.query(
        `WITH wish AS (
           UPDATE jobs SET cancel_requested_at = coalesce(cancel_requested_at, now())
           WHERE id = $1 AND finished_at IS NULL RETURNING id
         ) SELECT pg_notify('${JOB_WISH_CHANNEL}', id::text) FROM wish`,
        [jobId],
      );
      await this.settlement.cancelFree(jobId);
    }
    return this.getView(personId, await this.read(jobId));
  }
}
