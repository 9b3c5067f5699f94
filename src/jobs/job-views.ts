import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import { Files, type FileView } from '../storage/index.js';
import type { JobOutputView, JobView, QueueView } from './job.dto.js';
import type { Job } from './job.entity.js';
import { isTerminal } from './job.js';
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

/** How many of the last runs of a workflow an estimate is made from. */
const MEASURED_RUNS = 20;

/** Jobs as the API shows them. */
@Injectable()
export class JobViews {
  constructor(
    private readonly database: Database,
    private readonly files: Files,
    private readonly tokens: JobTokens,
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
    return Promise.all(
      jobs.map(async (job) => ({
        id: job.id,
        kind: job.kind,
        workflow: job.workflow,
        status: job.status,
        progress: await this.progressOf(job),
        queue: job.status === 'queued' ? await this.queueOf(job) : null,
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
      })),
    );
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
    const found = await Promise.all([...new Set(ids)].map((id) => this.files.find(id)));
    return new Map(
      found.flatMap((file) => (file ? [[file.id, this.files.view(file)] as const] : [])),
    );
  }

  private async progressOf(job: Job): Promise<JobView['progress']> {
    const preview = isTerminal(job.status)
      ? undefined
      : await this.database.one('SELECT 1 FROM job_previews WHERE job_id = $1', [job.id]);
    return {
      percent: Math.floor(job.progressPercent),
      ...(job.progressStep !== null && { step: job.progressStep }),
      ...(preview && { previewUrl: this.previewUrl(job.id) }),
    };
  }

  /** A link that an `<img>` can use for an hour. */
  previewUrl(jobId: string): string {
    const { token } = this.tokens.issue('job-preview', jobId);
    return `${this.config.http.publicUrl}/v1/jobs/${jobId}/preview?token=${token}`;
  }

  private async queueOf(job: Job): Promise<QueueView> {
    const row = await this.database.one<{ ahead: number; seconds: number | null; lanes: number }>(
      `SELECT
         (SELECT count(*) FROM jobs WHERE kind = $1 AND status = 'queued' AND (turn, sequence) < ($2, $3)) AS ahead,
         (SELECT avg(extract(epoch FROM finished_at - started_at))::float8 FROM (
            SELECT finished_at, started_at FROM jobs WHERE workflow = $4 AND status = 'succeeded'
            ORDER BY finished_at DESC LIMIT ${MEASURED_RUNS}) AS runs) AS seconds,
         (SELECT count(*) FROM instances WHERE state = 'ready' AND $4 = ANY(workflows)) AS lanes`,
      [job.kind, job.turn, job.sequence, job.workflow],
    );
    const position = (row?.ahead ?? 0) + 1;
    const lanes = Math.max(1, row?.lanes ?? 1);
    const seconds = row?.seconds ?? null;
    return {
      position,
      etaSeconds: seconds === null ? null : Math.ceil(seconds * Math.ceil(position / lanes)),
    };
  }
}
