import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { JobLeases, JobSettlement } from '../../jobs/index.js';
import { ComfyUnreachable, type ComfyClient } from '../client/index.js';
import { OUTPUT_FOLDER } from '../disk/names.js';
import type { GraphFault } from '../protocol/index.js';
import { isKnownTo, type Execution } from './execution.js';
import { rejection } from './failures.js';
import { Uploads } from './uploads.js';

const POST_ATTEMPTS = 3;
const LOOK_UP_PAUSE_MS = 500;

/** LoadImage does not find a file that we uploaded (§2.1: custom_validation_failed). */
const isLostUpload = (fault: GraphFault): boolean =>
  fault.type === 'custom_validation_failed' && (fault.classType ?? '').startsWith('LoadImage');

/** Brings a job's pictures and its prompt into ComfyUI's own queue. */
@Injectable()
export class PromptPosting {
  constructor(
    private readonly leases: JobLeases,
    private readonly settlement: JobSettlement,
    private readonly uploads: Uploads,
  ) {}

  /**
   * Uploads, mints an id, stores it, posts; `onMinted` hears each id before it is posted. Undefined:
   * the job was settled here (cancelled, or its graph was refused). Throws ComfyUnreachable and
   * LeaseLost.
   */
  async post(
    execution: Execution,
    onMinted: (promptId: string) => void,
    stop: AbortSignal,
  ): Promise<string | undefined> {
    const { hold, workflow, instance, turn } = execution;
    const { client } = instance;
    for (let attempt = 1; attempt <= POST_ATTEMPTS; attempt += 1) {
      const images = await this.upload(execution);
      await turn.mayPost;
      if (stop.aborted) throw new Error('The worker stops.');
      if (hold.isCancelRequested) {
        await this.settlement.cancel(hold.lease);
        return undefined;
      }
      const promptId = randomUUID();
      const graph = workflow.build(execution.parameters, {
        images,
        filenamePrefix: `${OUTPUT_FOLDER}/${promptId}`,
        ...(execution.variant !== undefined && { variant: execution.variant }),
      });
      await this.leases.recordPrompt(hold.lease, promptId, instance.id, execution.variant);
      onMinted(promptId);
      hold.assertLive();
      const faults = await this.send(client, { promptId, clientId: client.clientId, graph });
      if (faults === undefined) continue;
      if (faults.length === 0) return promptId;
      // A part of the graph may have been queued all the same (§2.1).
      await client.http.cancel(promptId);
      if (faults.some(isLostUpload) && attempt < POST_ATTEMPTS) {
        // ComfyUI was restarted since the upload, which wiped its temp folder.
        this.uploads.forget(client);
        continue;
      }
      await this.settlement.fail(hold.lease, rejection(faults));
      return undefined;
    }
    throw new ComfyUnreachable('POST /prompt did not go through');
  }

  private async upload({ inputs, instance, hold }: Execution): Promise<Record<string, string>> {
    const images: Record<string, string> = {};
    for (const [role, fileId] of inputs) {
      hold.assertLive();
      images[role] = await this.uploads.send(instance.client, fileId);
    }
    return images;
  }

  /**
   * The faults of the graph; undefined: not queued, so that another id may be posted. Empty also when
   * nobody knows: whoever follows the prompt finds out, and nothing is posted beside it until then.
   */
  private async send(
    client: ComfyClient,
    request: Parameters<ComfyClient['http']['postPrompt']>[0],
  ): Promise<readonly GraphFault[] | undefined> {
    try {
      return await client.http.postPrompt(request);
    } catch (error) {
      if (!(error instanceof ComfyUnreachable) || error.isUnsent) throw error;
      // It may have been queued all the same (§4.7): look it up before anything is posted again.
      await sleep(LOOK_UP_PAUSE_MS);
      const isKnown = await isKnownTo(client, request.promptId).catch(() => true);
      return isKnown ? [] : undefined;
    }
  }
}
