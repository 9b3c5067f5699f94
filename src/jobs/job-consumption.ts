import { Injectable } from '@nestjs/common';
import { Database, HealthChecks, type Health } from '../platform/index.js';

/** Longer than a restart of all workers, or than an instance takes to pick after an end. */
const PATIENCE_SECONDS = 60;

interface Waiting {
  readonly count: number;
  readonly seconds: number;
  readonly instance: string | null;
}

/**
 * Tells the readiness page when jobs wait and nothing consumes them: no worker is there at all, or a
 * ready GPU that could run one has had nothing in hand. GPUs that are merely away are no fault of
 * the product: jobs wait for them by design.
 */
@Injectable()
export class JobConsumption {
  constructor(
    private readonly database: Database,
    health: HealthChecks,
  ) {
    health.add('jobs', () => this.check());
  }

  async check(): Promise<Health> {
    const unconsumed = await this.database.one<Waiting>(
      `WITH waiting AS (
         SELECT coalesce(capability, workflow) AS capability, kind, available_at FROM jobs
         WHERE status = 'queued' AND lease_owner IS NULL
           AND available_at < now() - make_interval(secs => $1) ORDER BY kind, turn, sequence LIMIT 1000
       ), idle AS (
         SELECT id, workflows FROM instances
         WHERE lease_until > now() AND state = 'ready' AND state_since < now() - make_interval(secs => $1)
           AND NOT EXISTS (SELECT 1 FROM jobs
             WHERE instance_id = instances.id AND finished_at IS NULL AND lease_until > now())
       )
       SELECT count(*) AS count, extract(epoch FROM now() - min(available_at))::int AS seconds,
         min(idle.id) AS instance
       FROM waiting LEFT JOIN idle ON kind = 'comfy' AND capability = ANY(idle.workflows)
       WHERE idle.id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM instances WHERE lease_until > now())
       HAVING count(*) > 0`,
      [PATIENCE_SECONDS],
    );
    if (!unconsumed) return { ok: true };
    const { count, seconds, instance } = unconsumed;
    const who = instance === null ? 'no worker is running' : `${instance} takes none`;
    return { ok: false, detail: `jobs wait (${count}) since ${seconds} s and ${who}` };
  }
}
