import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import { Files, type FileView } from '../storage/index.js';
import type { JobOutputView, JobView } from './job.dto.js';
import type { Job } from './job.entity.js';
import { isTerminal } from './job.js';
import { JobQueue } from './job-queue.js';
import { JobTokens } from './job-tokens.js';

interface FileRow {
  jobId: string;
  fileId: string;
}

interface OutputRow {
  jobId: string;
  name: string;
  type: 'file' | 'text';
  fileId: string | null;
  text: string | null;
}

/** Jobs as the API shows them. */
@Injectable()
export class JobViews {
  constructor(
    private readonly database: Database,
    private readonly files: Files,
    private readonly tokens: JobTokens,
    private readonly queue: JobQueue,
    private readonly config: Config,
  ) {}

  async of(job: Job): Promise<JobView> {
    const [view] = await this.ofAll([job]);
    if (!view) throw new Error('A job has no view.');
    return view;
  }

  /** In the order given. */
  async ofAll(jobs: readonly Job[]): Promise<JobView[]> {
    const ids = jobs.map((job) => job.id);
    const inputs = await this.database.query<FileRow>(
      'SELECT job_id AS "jobId", file_id AS "fileId" FROM job_inputs WHERE job_id = ANY($1) ORDER BY role',
      [ids],
    );
    const outputs = await this.database.query<OutputRow>(
      `SELECT job_id AS "jobId", name, type, file_id AS "fileId", text FROM job_outputs
       WHERE job_id = ANY($1) ORDER BY position`,
      [ids],
    );
    const files = await this.filesOf([...inputs, ...outputs].flatMap((row) => row.fileId ?? []));
    const queue = await this.queue.viewsOf(jobs);
    const withPreview = await this.withPreview(jobs);
    return jobs.map((job) => ({
      id: job.id,
      kind: job.kind,
      workflow: job.workflow,
      status: job.status,
      progress: this.progressOf(job, withPreview.has(job.id)),
      queue: queue.get(job.id) ?? null,
      parameters: job.parameters,
      inputs: inputs
        .filter((row) => row.jobId === job.id)
        .flatMap((row) => files.get(row.fileId) ?? []),
      outputs: outputs
        .filter((row) => row.jobId === job.id)
        .map((row) => this.outputOf(row, files)),
      error: job.error,
      credits: {
        reserved: isTerminal(job.status) ? 0 : job.credits,
        captured: job.status === 'succeeded' ? job.credits : 0,
      },
      createdAt: job.createdAt,
      startedAt: job.startedAt,
      finishedAt: job.finishedAt,
      cancelRequested: job.cancelRequestedAt !== null,
    }));
  }

  private outputOf(row: OutputRow, files: ReadonlyMap<string, FileView>): JobOutputView {
    const file = row.fileId === null ? undefined : files.get(row.fileId);
    return {
      name: row.name,
      type: row.type,
      ...(file && { file }),
      ...(row.text !== null && { text: row.text }),
    };
  }

  private async filesOf(ids: readonly string[]): Promise<Map<string, FileView>> {
    const found = await this.files.findAll([...new Set(ids)]);
    return new Map(found.map((file) => [file.id, this.files.view(file)]));
  }

  /** Which of the open jobs have a preview picture. */
  private async withPreview(jobs: readonly Job[]): Promise<Set<string>> {
    const open = jobs.filter((job) => !isTerminal(job.status)).map((job) => job.id);
    if (open.length === 0) return new Set();
    const rows = await this.database.query<{ id: string }>(
      'SELECT job_id AS id FROM job_previews WHERE job_id = ANY($1)',
      [open],
    );
    return new Set(rows.map((row) => row.id));
  }

  private progressOf(job: Job, hasPreview: boolean): JobView['progress'] {
    return {
      percent: Math.floor(job.progressPercent),
      ...(job.progressStep !== null && { step: job.progressStep }),
      ...(hasPreview && { previewUrl: this.previewUrl(job.id) }),
    };
  }

  /** A link that an `<img>` can use for an hour. */
  previewUrl(jobId: string): string {
    const { token } = this.tokens.issue('job-preview', jobId);
    return `${this.config.http.publicUrl}/v1/jobs/${jobId}/preview?token=${token}`;
  }
}
