import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Config } from '../config/index.js';
import { Files, type FileView, type StoredFile } from '../storage/index.js';
import type { JobOutputView, JobView } from './job.dto.js';
import { isTerminal } from './job.js';
import { JobQueue } from './job-queue.js';
import type { OutputRow, WholeJob } from './job-row.js';
import { JobTokens } from './job-tokens.js';

/** Of so many jobs a process remembers the files: those that are asked for again and again. */
const KNOWN_JOBS = 2_000;

/** A job as it was read, with files that it probably shows. */
export interface JobReading<Found = WholeJob> {
  readonly job: Found;
  readonly files: readonly StoredFile[];
}

type FilesById = ReadonlyMap<string, StoredFile>;

/** The inputs of a job, which never change, and the outputs that it has so far. */
const fileIdsOf = (job: WholeJob): string[] => [
  ...job.inputs,
  ...job.outputs.flatMap(({ fileId }) => fileId ?? []),
];

/** Jobs as the API shows them. */
@Injectable()
export class JobViews {
  /** Ids of the files that a job was last seen with. */
  private readonly knownFiles = new LRUCache<string, readonly string[]>({ max: KNOWN_JOBS });

  constructor(
    private readonly files: Files,
    private readonly tokens: JobTokens,
    private readonly queue: JobQueue,
    private readonly config: Config,
  ) {}

  async of({ job, files }: JobReading): Promise<JobView> {
    this.knownFiles.set(job.id, fileIdsOf(job));
    const [view] = await this.ofAll([job], files);
    if (!view) throw new Error('A job has no view.');
    return view;
  }

  /** Those of its files that the job was last seen with, for a job that is still being read. */
  async likelyFiles(jobId: string): Promise<StoredFile[]> {
    return this.files.findAll(this.knownFiles.get(jobId) ?? []);
  }

  /** As {@link of}, in the order given; `read`: files that were just read. */
  async ofAll(jobs: readonly WholeJob[], read: readonly StoredFile[] = []): Promise<JobView[]> {
    const files = new Map(read.map((file) => [file.id, file]));
    const missing = jobs.flatMap(fileIdsOf).filter((id) => !files.has(id));
    if (missing.length > 0)
      for (const file of await this.files.findAll(missing)) files.set(file.id, file);
    const queue = await this.queue.viewsOf(jobs);
    return jobs.map((job) => ({
      id: job.id,
      kind: job.kind,
      workflow: job.workflow,
      status: job.status,
      progress: this.progressOf(job),
      queue: queue.get(job.id) ?? null,
      parameters: job.parameters,
      inputs: job.inputs.flatMap((id) => this.fileOf(files.get(id)) ?? []),
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

  private outputOf(row: OutputRow, files: FilesById): JobOutputView {
    const file = this.fileOf(row.fileId === null ? undefined : files.get(row.fileId));
    return {
      name: row.name,
      type: row.type,
      ...(file && { file }),
      ...(row.text !== null && { text: row.text }),
    };
  }

  private fileOf(file: StoredFile | undefined): FileView | undefined {
    return file && this.files.view(file);
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
