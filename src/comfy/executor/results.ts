import { buffer } from 'node:stream/consumers';
import { Injectable } from '@nestjs/common';
import type { JobError, JobResult, LeaseHold } from '../../jobs/index.js';
import { Files, type StoredFile } from '../../storage/index.js';
import { ComfyRefused, type ComfyClient } from '../client/index.js';
import { filesOf, textOf, type FileItem, type HistoryEntry } from '../protocol/index.js';
import type { Workflow, WorkflowOutput } from '../workflows/workflow.js';
import { FAILURES } from './failures.js';
import { coverageOf, pasteSubject } from './subject-paste.js';

/** Below and above, the mask shows that no subject was found. */
const MIN_COVERAGE = 0.01;
const MAX_COVERAGE = 0.95;

export interface Finished {
  readonly workflow: Workflow;
  readonly userId: string;
  readonly promptId: string;
  readonly entry: HistoryEntry;
  readonly inputs: ReadonlyMap<string, string>;
}

/** The run gave no usable result; carries what the job's owner is told. */
export class NoResult extends Error {
  constructor(readonly failure: JobError) {
    super(failure.code);
  }
}

/** Brings a finished prompt's outputs from ComfyUI into storage. */
@Injectable()
export class Results {
  constructor(private readonly files: Files) {}

  /**
   * Stores every output of the workflow under the prompt's id; repeating it gives the same files.
   * Throws {@link NoResult}, LeaseLost, ComfyUnreachable or files.storage_failed.
   */
  async collect(finished: Finished, client: ComfyClient, hold: LeaseHold): Promise<JobResult[]> {
    const { workflow } = finished;
    const results: JobResult[] = [];
    const pasted = workflow.subject
      ? await this.paste(finished, client, hold)
      : new Map<string, Buffer>();
    for (const output of workflow.outputs) {
      hold.assertLive();
      if (output.type === 'text') {
        results.push({ name: output.name, type: 'text', text: this.text(finished, output) });
        continue;
      }
      const source =
        pasted.get(output.name) ??
        (await this.view(client, this.item(finished, output), hold.signal));
      const file = await this.store(finished, output, source, hold);
      results.push({ name: output.name, type: 'file', fileId: file.id });
    }
    return results;
  }

  private store(
    { userId, promptId }: Finished,
    output: WorkflowOutput,
    source: Parameters<Files['saveOutput']>[1],
    hold: LeaseHold,
  ): Promise<StoredFile> {
    hold.assertLive();
    return this.files.saveOutput(
      { userId, jobId: hold.lease.jobId, name: output.name, discriminator: promptId },
      source,
    );
  }

  /** The result at the customer's resolution, and the mask as the graph gave it. */
  private async paste(
    finished: Finished,
    client: ComfyClient,
    hold: LeaseHold,
  ): Promise<Map<string, Buffer>> {
    const { workflow, inputs } = finished;
    const { sourceRole, imageOutput, maskOutput } = workflow.subject ?? {};
    const bytesOf = async (name: string | undefined) => {
      const output = workflow.outputs.find((candidate) => candidate.name === name);
      if (!output) throw new Error(`${workflow.id} has no output ${name}.`);
      return buffer(await this.view(client, this.item(finished, output), hold.signal));
    };
    const mask = await bytesOf(maskOutput);
    const coverage = await coverageOf(mask).catch(() => {
      throw new NoResult(FAILURES.outputMissing);
    });
    if (coverage < MIN_COVERAGE || coverage > MAX_COVERAGE)
      throw new NoResult(FAILURES.subjectNotFound);
    const background = await bytesOf(imageOutput);
    const sourceId = inputs.get(sourceRole ?? '');
    if (sourceId === undefined) throw new Error(`${workflow.id} has no input ${sourceRole}.`);
    const source = await this.files.readAll(sourceId);
    const image = await pasteSubject({ source, background, mask });
    return new Map([
      [imageOutput ?? '', image],
      [maskOutput ?? '', mask],
    ]);
  }

  private item({ entry }: Finished, output: WorkflowOutput): FileItem {
    const [item] = filesOf(entry.outputs, output.nodeId);
    if (!item) throw new NoResult(FAILURES.outputMissing);
    return item;
  }

  private text({ entry }: Finished, output: WorkflowOutput): string {
    const text = textOf(entry.outputs, output.nodeId);
    if (text === undefined || text.trim() === '') throw new NoResult(FAILURES.outputMissing);
    return text;
  }

  private async view(client: ComfyClient, item: FileItem, signal: AbortSignal) {
    try {
      return await client.http.view(item, signal);
    } catch (error) {
      // A file that history names but that is gone will not come back (§3.3).
      if (error instanceof ComfyRefused) throw new NoResult(FAILURES.outputMissing);
      throw error;
    }
  }
}
