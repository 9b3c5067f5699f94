import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Files, type FileView } from '../storage/index.js';
import type { JobOutputView, JobView } from './job.dto.js';
import { isTerminal } from './job.js';
import { JobQueue } from './job-queue.js';
import type { OutputRow, WholeJob } from './job-row.js';
import { JobTokens } from './job-tokens.js';

/** Jobs as the API shows them. */
@Injectable()
export class JobViews {
  constructor(
    private readonly files: Files,
    private readonly tokens: JobTokens,
    private readonly queue: JobQueue,
    private readonly config: Config,
  ) {}

  async of(job: WholeJob): Promise<JobView> {
    const [view] = await this.ofAll([job]);
    if (!view) throw new Error('A job has no view.');
    return view;
  }

  /** In the order given. */
  async ofAll(jobs: readonly WholeJob[]): Promise<JobView[]> {
    const files = await this.filesOf(
      jobs.flatMap((job) => [...job.inputs, ...job.outputs.flatMap(({ fileId }) => fileId ?? [])]),
    );
    const queue = await this.queue.viewsOf(jobs);
    return jobs.map((job) => ({
      id: job.id,
      kind: job.kind,
      workflow: job.workflow,
      status: job.status,
      progress: this.progressOf(job),
      queue: queue.get(job.id) ?? null,
      parameters: job.parameters,
      inputs: job.inputs.flatMap((fileId) => files.get(fileId) ?? []),
      outputs: job.outputs.map((row) => this.outputOf(row, files)),
      error: job.error,
      credits: {
        reserved: isTerminal(job.status) ? 0 : job.credits,
        captured: job.status === 'succeeded' ? job.credits : 0,
      },
      createdAt: job.createdAt,
      startedAt: job.startedAt,
      finishedAt: job.finishedAt,
      cancelRequested: job.cancelRequestedAt !== null,
      retryOf: job.retryOf,
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
    const found = await this.files.findAll(ids);
    return new Map(found.map((file) => [file.id, this.files.view(file)]));
  }

  private progressOf(job: WholeJob): JobView['progress'] {
    return {
      percent: Math.floor(job.progressPercent),
      ...(job.progressStep !== null && { step: job.progressStep }),
      ...(job.hasPreview && { previewUrl: this.previewUrl(job.id) }),
    };
  }

  /** A link that an `<img>` can use for an hour. */
  previewUrl(jobId: string): string {
    const { token } = this.tokens.issue('job-preview', jobId);
    return `${this.config.http.publicUrl}/v1/jobs/${jobId}/preview?token=${token}`;
  }
}
