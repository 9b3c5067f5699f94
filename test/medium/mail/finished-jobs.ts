import { randomUUID } from 'node:crypto';
import type { INestApplication } from '@nestjs/common';
import sharp from 'sharp';
import { People } from '../../../src/auth/index.js';
import { Ledger } from '../../../src/credits/index.js';
import { jobFailed, jobSucceeded } from '../../../src/jobs/index.js';
import { Database, Outbox } from '../../../src/platform/index.js';
import { Files } from '../../../src/storage/index.js';

export interface Owner {
  readonly id: string;
  readonly email: string;
}

export interface JobWish {
  readonly outputs?: readonly { readonly name: string; readonly content: Buffer | string }[];
  readonly parameters?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly title?: string;
}

export const picture = (width = 1_200, height = 800): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#b5651d' } })
    .png()
    .toBuffer();

/** Jobs at their end, as the jobs module leaves them, with the event that mail listens to. */
export class FinishedJobs {
  constructor(private readonly app: INestApplication) {}

  async owner(name = 'Ada', password = 'a cup of coffee at 7', credits = 1_000): Promise<Owner> {
    const people = this.app.get(People, { strict: false });
    const email = `${randomUUID()}@example.com`;
    const { id } = await people.provision({ email, password, role: 'user', name });
    const ledger = this.app.get(Ledger, { strict: false });
    await ledger.grant({ userId: id, amount: credits, reason: 'test' });
    return { id, email };
  }

  /** Returns the job's id. `isAnnounced: false` leaves the event out. */
  async finish(
    owner: Owner,
    { outputs = [], parameters = { prompt: 'on white marble' }, error, title }: JobWish = {},
    { isAnnounced = true } = {},
  ): Promise<string> {
    const database = this.app.get(Database);
    const id = randomUUID();
    const status = error ? 'failed' : 'succeeded';
    await database.query(
      `INSERT INTO jobs (id, kind, user_id, workflow, title, parameters, credits, turn,
         queue_expires_at, status, started_at, finished_at, error)
       VALUES ($1, 'comfy', $2, 'product-backgrounds', $3, $4, 5, 1, now(), $5, now(), now(), $6)`,
      [
        id,
        owner.id,
        title ?? 'Product background',
        JSON.stringify(parameters),
        status,
        error ? JSON.stringify({ retryable: false, ...error }) : null,
      ],
    );
    await this.addOutputs(owner, id, outputs);
    await database.transaction(async () => {
      const ledger = this.app.get(Ledger, { strict: false });
      await ledger.reserve(owner.id, [{ jobId: id, credits: 5 }]);
      await (error ? ledger.release(id) : ledger.capture(id));
      if (!isAnnounced) return;
      await this.app
        .get(Outbox, { strict: false })
        .append(error ? jobFailed : jobSucceeded, { jobId: id });
    });
    return id;
  }

  private async addOutputs(
    owner: Owner,
    jobId: string,
    outputs: NonNullable<JobWish['outputs']>,
  ): Promise<void> {
    for (const [position, { name, content }] of outputs.entries()) {
      const isText = typeof content === 'string';
      const file = isText
        ? undefined
        : await this.app
            .get(Files, { strict: false })
            .saveOutput({ userId: owner.id, jobId, name, discriminator: 'p1' }, content);
      await this.app.get(Database).query(
        `INSERT INTO job_outputs (job_id, name, position, type, file_id, text)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [jobId, name, position, isText ? 'text' : 'file', file?.id, isText ? content : null],
      );
    }
  }
}
