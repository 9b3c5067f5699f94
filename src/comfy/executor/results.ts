import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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

/** A person gets so many files of one node; what a batch made beyond them stays behind. */
const MAX_FILES_PER_NODE = 100;
/** Kinds of files that show by their content what they are. */
const MEDIA_NAME = /\.(png|jpe?g|webp|gif|avif|tiff?|mp4|webm|mov|mkv|flac|mp3|wav|opus|ogg|glb)$/i;

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

/** A file that is called a picture and is none was cut short, or the disk of ComfyUI is full. */
const requireMedia = (item: FileItem, file: StoredFile): void => {
  if (MEDIA_NAME.test(item.filename) && file.mimeType === 'application/octet-stream')
    throw new NoResult(FAILURES.outputUnreadable);
};

/** Another start would only make the same result again, on a GPU that others wait for. */
const isStorageFull = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['files.storage_full', 'ENOSPC', 'EDQUOT'].includes(String(error.code));

/** What this job gives: some outputs are there only with an optional picture. */
const outputsOf = ({ workflow, inputs }: Finished): WorkflowOutput[] =>
  workflow.outputs.filter(({ needsInput }) => needsInput === undefined || inputs.has(needsInput));

/** Brings a finished prompt's outputs from ComfyUI into storage. */
@Injectable()
export class Results {
  constructor(private readonly files: Files) {}

  /**
   * Stores every output of the workflow under the prompt's id; repeating it gives the same files. A
   * node that made several gives `name`, `name-2`, `name-3` …
   * Throws {@link NoResult}, LeaseLost, ComfyUnreachable or files.storage_failed.
   */
  async collect(finished: Finished, client: ComfyClient, hold: LeaseHold): Promise<JobResult[]> {
    const folder = await mkdtemp(path.join(tmpdir(), 'hom-results-'));
    try {
      const finishedPictures = await this.finish(folder, finished, client, hold);
      const results: JobResult[] = [];
      for (const output of outputsOf(finished)) {
        hold.assertLive();
        if (output.type === 'text') {
          results.push({ name: output.name, type: 'text', text: this.text(finished, output) });
          continue;
        }
        const picture = finishedPictures.get(output.name);
        for (const [at, item] of this.items(finished, output).entries()) {
          const name = at === 0 ? output.name : `${output.name}-${at + 1}`;
          const source =
            picture && at === 0
              ? createReadStream(picture)
              : await this.view(client, item, hold.signal);
          const file = await this.store(finished, name, source, hold);
          requireMedia(item, file);
          results.push({ name, type: 'file', fileId: file.id });
        }
      }
      return results;
    } catch (error) {
      throw isStorageFull(error) ? new NoResult(FAILURES.storageFull) : error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private store(
    { userId, promptId }: Finished,
    name: string,
    source: Readable,
    hold: LeaseHold,
  ): Promise<StoredFile> {
    hold.assertLive();
    return this.files.saveOutput(
      { userId, jobId: hold.lease.jobId, name, discriminator: promptId },
      source,
    );
  }

  /**
   * The pictures that are not stored as ComfyUI gave them, and the masks that were looked at: paths
   * in `folder` by the output's name.
   */
  private async finish(
    folder: string,
    finished: Finished,
    client: ComfyClient,
    hold: LeaseHold,
  ): Promise<Map<string, string>> {
    const { subjectMask, paste } = finished.workflow;
    const outputs = outputsOf(finished);
    const pictures = new Map<string, string>();
    const fetch = async (name: string | undefined): Promise<string | undefined> => {
      const output = outputs.find((candidate) => candidate.name === name);
      if (!output) return undefined;
      const known = pictures.get(output.name);
      if (known) return known;
      const picture = path.join(folder, `output-${pictures.size}`);
      const bytes = await this.view(client, this.item(finished, output), hold.signal);
      await pipeline(bytes, createWriteStream(picture));
      pictures.set(output.name, picture);
      return picture;
    };
    const subject = await fetch(subjectMask);
    if (subject) await this.requireSubject(subject);
    const painted = await fetch(paste?.imageOutput);
    if (paste && painted) {
      const mask = await fetch(paste.maskOutput);
      const source = path.join(folder, 'source');
      const input = await this.files.open(finished.inputs.get(paste.sourceRole) ?? '');
      await pipeline(input.stream, createWriteStream(source));
      const sources = { source, painted, mask, kept: paste.kept };
      pictures.set(paste.imageOutput, await pasteSubject(folder, sources));
    }
    return pictures;
  }

  private async requireSubject(mask: string): Promise<void> {
    const coverage = await coverageOf(mask).catch(() => {
      throw new NoResult(FAILURES.outputMissing);
    });
    if (coverage < MIN_COVERAGE || coverage > MAX_COVERAGE)
      throw new NoResult(FAILURES.subjectNotFound);
  }

  /** At least one; a node that made a batch gives several. */
  private items({ entry }: Finished, output: WorkflowOutput): FileItem[] {
    const items = filesOf(entry.outputs, output.nodeId).slice(0, MAX_FILES_PER_NODE);
    if (items.length === 0) throw new NoResult(FAILURES.outputMissing);
    return items;
  }

  private item(finished: Finished, output: WorkflowOutput): FileItem {
    return this.items(finished, output)[0] as FileItem;
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
