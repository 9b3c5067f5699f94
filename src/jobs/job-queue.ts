import { Injectable } from '@nestjs/common';
import { Database } from '../platform/index.js';
import type { QueueView } from './job.dto.js';
import type { JobKind } from './job.js';
import { FRONT, type WholeJob } from './job-row.js';

interface Place {
  readonly turn: number;
  readonly sequence: number;
}

interface Pace {
  /** Mean run time of the last runs; null before the first. */
  readonly seconds: number | null;
  readonly lanes: number;
}

/** Behind the front, places come from a picture of the whole queue that may be so old. */
const PICTURE_MS = 2_000;
/** How many of the last runs of a workflow an estimate is made from. */
const MEASURED_RUNS = 20;
/** An estimate may rest on figures so old. */
const PACE_MS = 1_000;

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

  private readonly paces = new Map<
    string,
    { readonly takenAt: number; readonly pace: Promise<Pace | undefined> }
  >();

  constructor(private readonly database: Database) {}

  /** For the jobs of the list that wait: position (1 is next) and estimate, by job id. */
  async viewsOf(jobs: readonly WholeJob[]): Promise<Map<string, QueueView>> {
    const views = new Map<string, QueueView>();
    for (const job of jobs) {
      if (job.ahead === null) continue;
      const ahead = job.ahead < FRONT ? job.ahead : countBefore(await this.picture(job.kind), job);
      const position = ahead + 1;
      const pace = await this.paceOf(job.workflow);
      views.set(job.id, { position, etaSeconds: this.estimate(position, pace) });
    }
    return views;
  }

  private estimate(position: number, pace: Pace | undefined): number | null {
    if (!pace || pace.seconds === null) return null;
    return Math.ceil(pace.seconds * Math.ceil(position / Math.max(1, pace.lanes)));
  }

  private async paceOf(workflow: string): Promise<Pace | undefined> {
    const known = this.paces.get(workflow);
    if (known && performance.now() - known.takenAt < PACE_MS) return known.pace;
    const pace = this.database.one<Pace>(
      `SELECT
         (SELECT avg(extract(epoch FROM finished_at - started_at))::float8 FROM (
            SELECT finished_at, started_at FROM jobs WHERE workflow = $1 AND status = 'succeeded'
            ORDER BY finished_at DESC LIMIT ${MEASURED_RUNS}) AS runs) AS seconds,
         (SELECT count(*) FROM instances WHERE state = 'ready' AND $1 = ANY(workflows)) AS lanes`,
      [workflow],
    );
    pace.catch(() => this.paces.delete(workflow));
    this.paces.set(workflow, { takenAt: performance.now(), pace });
    return pace;
  }

  private picture(kind: JobKind): Promise<Place[]> {
    const known = this.pictures.get(kind);
    if (known && performance.now() - known.takenAt < PICTURE_MS) return known.places;
    const places = this.database.query<Place>(
      `SELECT turn, sequence FROM jobs WHERE kind = $1 AND status = 'queued' ORDER BY turn, sequence`,
      [kind],
    );
    places.catch(() => this.pictures.delete(kind));
    this.pictures.set(kind, { takenAt: performance.now(), places });
    return places;
  }
}
