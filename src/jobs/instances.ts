import { Injectable } from '@nestjs/common';
import { Config } from '../config/index.js';
import { Database } from '../platform/index.js';
import { PROCESS_OWNER } from './job-leases.js';

export type InstanceState = 'unknown' | 'ready' | 'down' | 'sick';

/** What an instance lacks for a workflow: node classes, model files, settings. */
export interface Lack {
  readonly kind: 'node' | 'value';
  readonly name: string;
  readonly value?: string;
}

export interface Capability {
  /** Which of several graphs of the workflow it would run. */
  readonly variant?: string;
  readonly missing: readonly Lack[];
}

/** A ComfyUI (one GPU) as every process sees it. */
export interface Instance {
  readonly id: string;
  readonly url: string;
  readonly owner: string | null;
  readonly isOwned: boolean;
  readonly state: InstanceState;
  readonly stateSince: Date;
  readonly version: string | null;
  readonly capabilities: Readonly<Record<string, Capability>>;
  readonly workflows: readonly string[];
  readonly everWorkflows: readonly string[];
}

const COLUMNS = `id, url, owner, coalesce(lease_until > now(), false) AS "isOwned", state,
  state_since AS "stateSince", version, capabilities, workflows, ever_workflows AS "everWorkflows"`;

/**
 * The rows of the GPUs. Exactly one process drives an instance at a time, by a lease on its row;
 * the API reads capability and state here and never calls ComfyUI.
 */
@Injectable()
export class Instances {
  constructor(
    private readonly database: Database,
    private readonly config: Config,
  ) {}

  /** Makes the rows of the configured addresses; safe to repeat and in parallel. */
  async declare(instances: readonly { id: string; url: string }[]): Promise<void> {
    for (const { id, url } of instances) {
      await this.database.query(
        'INSERT INTO instances (id, url) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [id, url],
      );
    }
  }

  /** Takes or extends the lease of an instance. False: another process drives it. */
  async claim(id: string): Promise<boolean> {
    const row = await this.database.one(
      `UPDATE instances SET lease_epoch = lease_epoch + CASE WHEN owner = $2 THEN 0 ELSE 1 END,
         owner = $2, lease_until = now() + make_interval(secs => $3)
       WHERE id = $1 AND (owner = $2 OR owner IS NULL OR lease_until < now()) RETURNING id`,
      [id, PROCESS_OWNER, this.config.comfy.instanceLeaseSeconds],
    );
    return row !== undefined;
  }

  /** Gives the instance up, so that another process can take it at once. */
  async release(id: string): Promise<void> {
    await this.database.query(
      'UPDATE instances SET owner = NULL, lease_until = NULL WHERE id = $1 AND owner = $2',
      [id, PROCESS_OWNER],
    );
  }

  async markReady(
    id: string,
    version: string,
    capabilities: Readonly<Record<string, Capability>>,
  ): Promise<void> {
    const workflows = Object.entries(capabilities)
      .filter(([, capability]) => capability.missing.length === 0)
      .map(([workflow]) => workflow);
    await this.database.query(
      `UPDATE instances SET state_since = CASE WHEN state = 'ready' THEN state_since ELSE now() END,
         state = 'ready', version = $3, capabilities = $4, workflows = $5, seen_at = now(), last_error = NULL,
         ever_workflows = ARRAY(SELECT DISTINCT unnest(ever_workflows || $5))
       WHERE id = $1 AND owner = $2`,
      [id, PROCESS_OWNER, version, JSON.stringify(capabilities), workflows],
    );
  }

  async markAway(id: string, state: 'down' | 'sick', reason: string): Promise<void> {
    await this.database.query(
      `UPDATE instances SET state_since = CASE WHEN state = $3 THEN state_since ELSE now() END,
         state = $3, last_error = left($4, 500) WHERE id = $1 AND owner = $2`,
      [id, PROCESS_OWNER, state, reason],
    );
  }

  all(): Promise<Instance[]> {
    return this.database.query<Instance>(`SELECT ${COLUMNS} FROM instances ORDER BY id`);
  }
}
