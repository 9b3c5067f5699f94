import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { People, type Person } from '../auth/index.js';
import { Config } from '../config/index.js';
import { Ledger, Prices } from '../credits/index.js';
import { Database, SharedWrites, type Statement } from '../platform/index.js';
import { Files } from '../storage/index.js';
import type { JobKind } from './job.js';
import { JOBS_WAITING_CHANNEL } from './job-lease.js';
import type { WholeJob } from './job-row.js';
import type { JobReading } from './job-views.js';
import { Jobs } from './jobs.service.js';

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

/** Ready to be written. */
interface Submission {
  readonly id: string;
  readonly userId: string;
  readonly order: JobOrder;
  readonly credits: number;
  readonly retryOf: string | null;
}

interface JobInput {
  readonly jobId: string;
  readonly role: string;
  readonly fileId: string;
}

/** How jobs come into being. */
@Injectable()
export class JobSubmission {
  private readonly submissions: SharedWrites<Submission, JobReading>;

  constructor(
    private readonly database: Database,
    private readonly people: People,
    private readonly ledger: Ledger,
    private readonly prices: Prices,
    private readonly files: Files,
    private readonly jobs: Jobs,
    private readonly config: Config,
  ) {
    this.submissions = new SharedWrites(database, (submissions) => this.writeAll(submissions));
  }

  /**
   * Prices, reserves and queues a job, in the caller's transaction: all or nothing. Returns it as queued.
   * Those of one transaction and one moment are written together, and fail together.
   * Throws credits.insufficient, files.not_found, and http.unauthorized for who was erased meanwhile.
   */
  submit(person: Pick<Person, 'id'>, order: JobOrder, retried?: RetriedJob): Promise<JobReading> {
    const id = randomUUID();
    return this.database.transaction(async () => {
      const credits = retried?.credits ?? this.prices.of(order.workflow);
      const retryOf = retried?.id ?? null;
      return this.submissions.write({ id, userId: person.id, order, credits, retryOf });
    });
  }

  private async writeAll(submissions: readonly Submission[]): Promise<JobReading[]> {
    const readings = new Map<string, JobReading>();
    for (const [userId, own] of Map.groupBy(submissions, (submission) => submission.userId))
      for (const reading of await this.writeOf(userId, own)) readings.set(reading.job.id, reading);
    return submissions.map(({ id }) => {
      const reading = readings.get(id);
      if (!reading) throw new Error('An order was not stored.');
      return reading;
    });
  }

  private async writeOf(userId: string, submissions: readonly Submission[]): Promise<JobReading[]> {
    const inputs = submissions.flatMap(({ id, order }) =>
      order.inputs.map(({ role, fileId }) => ({ jobId: id, role, fileId })),
    );
    const [, files, , jobs] = await this.database.together([
      this.people.hold(userId),
      this.files.holdInputs(
        userId,
        inputs.map(({ fileId }) => fileId),
      ),
      this.ledger.reserve(
        userId,
        submissions.map(({ id, credits }) => ({ jobId: id, credits })),
      ),
      this.insertAndRead(userId, submissions, inputs),
    ]);
    return jobs.map((job) => ({ job, files }));
  }

  private async insertAndRead(
    userId: string,
    submissions: readonly Submission[],
    inputs: readonly JobInput[],
  ): Promise<WholeJob[]> {
    const sent = this.database.sendTogether([
      this.insertion(userId, submissions, inputs),
      this.jobs.reading(submissions.map(({ id }) => id)),
    ]);
    const [, jobs] = await Promise.all(sent);
    return jobs as WholeJob[];
  }

  /** Each job gets the person's next turn of its kind, in the order given. */
  private insertion(
    userId: string,
    submissions: readonly Submission[],
    inputs: readonly JobInput[],
  ): Statement {
    const orders = submissions.map(({ order }) => order);
    return {
      name: 'insert-jobs',
      text: `WITH given AS MATERIALIZED (
         SELECT * FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::text[],
           $10::uuid[]) WITH ORDINALITY
           AS given (id, kind, workflow, title, parameters, credits, capability, retry_of, place)
       ), wanted AS MATERIALIZED (
         SELECT kind, count(*) AS count FROM given GROUP BY kind
       ), turn AS (
         INSERT INTO turns (kind, user_id, last_turn)
           SELECT kind, $1, turn + count FROM wanted JOIN turn_clocks USING (kind)
         ON CONFLICT (kind, user_id) DO UPDATE SET last_turn = greatest(excluded.last_turn,
           turns.last_turn + (SELECT count FROM wanted WHERE wanted.kind = turns.kind))
         RETURNING kind, last_turn
       ), job AS (
         INSERT INTO jobs (id, kind, user_id, workflow, title, parameters, credits, turn, queue_expires_at,
           capability, retry_of)
         SELECT id, kind, $1, workflow, title, parameters::jsonb, credits,
           last_turn + 1 - row_number() OVER (PARTITION BY kind ORDER BY place DESC),
           now() + make_interval(secs => $2), capability, retry_of
         FROM given JOIN turn USING (kind) ORDER BY place
         RETURNING kind
       ), input AS (
         INSERT INTO job_inputs (job_id, role, file_id)
         SELECT * FROM unnest($11::uuid[], $12::text[], $13::uuid[])
       )
       SELECT pg_notify('${JOBS_WAITING_CHANNEL}', kind) FROM job GROUP BY kind`,
      values: [
        userId,
        this.config.jobs.maxQueueHours * 3_600,
        submissions.map(({ id }) => id),
        orders.map(({ kind }) => kind),
        orders.map(({ workflow }) => workflow),
        orders.map(({ title }) => title),
        orders.map(({ parameters }) => JSON.stringify(parameters)),
        submissions.map(({ credits }) => credits),
        orders.map(({ capability }) => capability ?? null),
        submissions.map(({ retryOf }) => retryOf),
        inputs.map(({ jobId }) => jobId),
        inputs.map(({ role }) => role),
        inputs.map(({ fileId }) => fileId),
      ],
    };
  }
}
