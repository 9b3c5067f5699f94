import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { People, type Person } from '../auth/index.js';
import { Config } from '../config/index.js';
import { Ledger, Prices } from '../credits/index.js';
import { Database } from '../platform/index.js';
import { Files } from '../storage/index.js';
import type { JobKind } from './job.js';
import { JOBS_WAITING_CHANNEL } from './job-lease.js';

/** A job as a module orders it: everything checked, pictures saved. */
export interface JobOrder {
  readonly kind: JobKind;
  readonly workflow: string;
  /** What an instance must be able to do; default: the workflow. */
  readonly capability?: string;
  readonly title: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly inputs: readonly { readonly role: string; readonly fileId: string }[];
}

/** The ended job that an order repeats, at the price that its owner agreed to then. */
export interface RetriedJob {
  readonly id: string;
  readonly credits: number;
}

/** How jobs come into being. */
@Injectable()
export class JobSubmission {
  constructor(
    private readonly database: Database,
    private readonly people: People,
    private readonly ledger: Ledger,
    private readonly prices: Prices,
    private readonly files: Files,
    private readonly config: Config,
  ) {}

  /**
   * Prices, reserves and queues a job, in the caller's transaction: all or nothing. Returns its id.
   * Throws credits.insufficient, files.not_found, and http.unauthorized for who was erased meanwhile.
   */
  submit(person: Pick<Person, 'id'>, order: JobOrder, retried?: RetriedJob): Promise<string> {
    const id = randomUUID();
    return this.database.transaction(async () => {
      const credits = retried?.credits ?? this.prices.of(order.workflow);
      await this.database.together([
        this.people.hold(person.id),
        ...order.inputs.map(({ fileId }) => this.files.getInput(person.id, fileId)),
        this.ledger.reserve({ userId: person.id, jobId: id, credits }),
        this.insert(id, person.id, order, credits, retried),
      ]);
      return id;
    });
  }

  private async insert(
    id: string,
    userId: string,
    order: JobOrder,
    credits: number,
    retried: RetriedJob | undefined,
  ): Promise<void> {
    await this.database.prepared(
      'insert-job',
      `WITH turn AS (
         INSERT INTO turns (kind, user_id, last_turn)
           SELECT $2, $3, turn + 1 FROM turn_clocks WHERE kind = $2
         ON CONFLICT (kind, user_id) DO UPDATE
           SET last_turn = greatest(turns.last_turn + 1, excluded.last_turn)
         RETURNING last_turn
       ), job AS (
         INSERT INTO jobs (id, kind, user_id, workflow, title, parameters, credits, turn,
           queue_expires_at, capability, retry_of)
         SELECT $1, $2, $3, $4, $5, $6, $7, last_turn, now() + make_interval(secs => $8), $9, $12
         FROM turn
         RETURNING id, kind
       ), input AS (
         INSERT INTO job_inputs (job_id, role, file_id)
         SELECT job.id, role, file_id FROM job, unnest($10::text[], $11::uuid[]) AS given (role, file_id)
       )
       SELECT pg_notify('${JOBS_WAITING_CHANNEL}', kind) FROM job`,
      [
        id,
        order.kind,
        userId,
        order.workflow,
        order.title,
        JSON.stringify(order.parameters),
        credits,
        this.config.jobs.maxQueueHours * 3_600,
        order.capability ?? null,
        order.inputs.map(({ role }) => role),
        order.inputs.map(({ fileId }) => fileId),
        retried?.id ?? null,
      ],
    );
  }
}
