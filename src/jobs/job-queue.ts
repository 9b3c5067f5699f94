import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import type { QueueView } from './job.dto.js';
import type { Job } from './job.entity.js';
import type { JobKind } from './job.js';

interface Place {
  readonly turn: number;
  readonly sequence: number;
}

interface Pace {
  readonly workflow: string;
  /** Mean run time of the last runs; null before the first. */
  readonly seconds: number | null;
  readonly lanes: number;
}

/** Up to here positions are read exactly and fresh. */
const FRONT = 500;
/** Further back they come from a picture of the whole queue that may be so old. */
const PICTURE_MS = 2_000;
/** How many of the last runs of a workflow an estimate is made from. */
const MEASURED_RUNS = 20;

const isBefore = (a: Place, b: Place): boolean =>
  a.turn < b.turn || (a.turn === b.turn && a.sequence < b.sequence);

/** How many of `places`, which are in order, come before `place`. */
const countBefore = (places: readonly Place[], place: Place): number => {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const candidate = places[middle];
    if (candidate && isBefore(candidate, place)) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Places in the queue and what they mean in time, at the same cost however long the queue is. */
@Injectable()
export class JobQueue {
  private readonly pictures = new Map<
    JobKind,
    { readonly takenAt: number; readonly places: Promise<Place[]> }
  >();

  constructor(private readonly database: Database) {}

  /** For the jobs of the list that wait: position (1 is next) and estimate, by job id. */
  async viewsOf(jobs: readonly Job[]): Promise<Map<string, QueueView>> {
    const waiting = jobs.filter((job) => job.status === 'queued');
    const views = new Map<string, QueueView>();
    if (waiting.length === 0) return views;
    const paces = await this.pacesOf([...new Set(waiting.map((job) => job.workflow))]);
    for (const kind of new Set(waiting.map((job) => job.kind))) {
      const front = await this.places(kind, FRONT);
      for (const job of waiting.filter((one) => one.kind === kind)) {
        const ahead = countBefore(front, job);
        const position = (ahead < FRONT ? ahead : countBefore(await this.picture(kind), job)) + 1;
        views.set(job.id, {
          position,
          etaSeconds: this.estimate(position, paces.get(job.workflow)),
        });
      }
    }
    return views;
  }

  private estimate(position: number, pace: Pace | undefined): number | null {
    if (!pace || pace.seconds === null) return null;
    return Math.ceil(pace.seconds * Math.ceil(position / Math.max(1, pace.lanes)));
  }

  private async pacesOf(workflows: readonly string[]): Promise<Map<string, Pace>> {
    const rows = await this.database.query<Pace>(
      `SELECT workflow,
         (SELECT avg(extract(epoch FROM finished_at - started_at))::float8 FROM (
            SELECT finished_at, started_at FROM jobs
            WHERE jobs.workflow = named.workflow AND status = 'succeeded'
            ORDER BY finished_at DESC LIMIT ${MEASURED_RUNS}) AS runs) AS seconds,
         (SELECT count(*) FROM instances WHERE state = 'ready' AND named.workflow = ANY(workflows)) AS lanes
       FROM unnest($1::text[]) AS named (workflow)`,
      [workflows],
    );
    return new Map(rows.map((row) => [row.workflow, row]));
  }

  private picture(kind: JobKind): Promise<Place[]> {
    const known = this.pictures.get(kind);
    if (known && performance.now() - known.takenAt < PICTURE_MS) return known.places;
    const places = this.places(kind, null);
    places.catch(() => this.pictures.delete(kind));
    this.pictures.set(kind, { takenAt: performance.now(), places });
    return places;
  }

  private places(kind: JobKind, limit: number | null): Promise<Place[]> {
    return this.database.query<Place>(
      `SELECT turn, sequence FROM jobs WHERE kind = $1 AND status = 'queued'
       ORDER BY turn, sequence LIMIT $2`,
      [kind, limit],
    );
  }
}
