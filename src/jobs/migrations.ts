import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateJobs1795400004000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE instances (
        id text PRIMARY KEY,
        url text NOT NULL UNIQUE,
        owner text,
        lease_epoch integer NOT NULL DEFAULT 0,
        lease_until timestamptz,
        state text NOT NULL DEFAULT 'unknown' CHECK (state IN ('unknown', 'ready', 'down', 'sick')),
        state_since timestamptz NOT NULL DEFAULT now(),
        version text,
        -- workflow id → what is missing there; an empty list: it can run
        capabilities jsonb NOT NULL DEFAULT '{}',
        -- what it can run now, and what it could run at any time
        workflows text[] NOT NULL DEFAULT '{}',
        ever_workflows text[] NOT NULL DEFAULT '{}',
        seen_at timestamptz,
        last_error text,
        created_at timestamptz NOT NULL DEFAULT now()
      );

      -- Persons take turns: the clock is the turn of the last job picked of a kind.
      CREATE TABLE turn_clocks (kind text PRIMARY KEY, turn bigint NOT NULL DEFAULT 0);
      INSERT INTO turn_clocks (kind) VALUES ('comfy'), ('tool');
      CREATE TABLE turns (
        kind text NOT NULL, user_id uuid NOT NULL, last_turn bigint NOT NULL,
        PRIMARY KEY (kind, user_id)
      );

      CREATE TABLE jobs (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id),
        kind text NOT NULL CHECK (kind IN ('comfy', 'tool')),
        workflow text NOT NULL,
        title text NOT NULL,
        -- which of several graphs of the workflow ran
        variant text,
        status text NOT NULL DEFAULT 'queued'
          CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
        parameters jsonb NOT NULL,
        credits integer NOT NULL CHECK (credits >= 0),
        turn bigint NOT NULL,
        sequence bigint GENERATED ALWAYS AS IDENTITY,
        lease_epoch integer NOT NULL DEFAULT 0,
        lease_owner text,
        lease_until timestamptz,
        instance_id text REFERENCES instances (id),
        prompt_id uuid,
        provider_task_id text,
        -- how often it was seen running; adopting a running prompt is no start
        starts integer NOT NULL DEFAULT 0 CHECK (starts BETWEEN 0 AND 3),
        memory_retries integer NOT NULL DEFAULT 0,
        progress_percent real NOT NULL DEFAULT 0 CHECK (progress_percent BETWEEN 0 AND 100),
        progress_step text,
        event_sequence integer NOT NULL DEFAULT 0,
        cancel_requested_at timestamptz,
        -- an idle instance asks for a job that is merely staged elsewhere
        yield_to text REFERENCES instances (id),
        yield_until timestamptz,
        error jsonb,
        deadline_at timestamptz,
        queue_expires_at timestamptz NOT NULL,
        available_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
        CHECK ((status = 'failed') = (error IS NOT NULL)),
        CHECK (status NOT IN ('running', 'succeeded') OR started_at IS NOT NULL),
        CHECK (finished_at IS NULL OR lease_owner IS NULL),
        CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
      );
      CREATE INDEX jobs_to_pick ON jobs (kind, turn, sequence) WHERE status = 'queued' AND lease_owner IS NULL;
      CREATE INDEX jobs_waiting ON jobs (kind, turn, sequence) WHERE status = 'queued';
      CREATE INDEX jobs_leased ON jobs (lease_until) WHERE lease_owner IS NOT NULL;
      CREATE INDEX jobs_of_instance ON jobs (instance_id) WHERE finished_at IS NULL;
      CREATE INDEX jobs_to_expire ON jobs (queue_expires_at) WHERE status = 'queued';
      CREATE INDEX jobs_of_user ON jobs (user_id, created_at DESC, id DESC);
      CREATE INDEX jobs_run_times ON jobs (workflow, finished_at DESC) WHERE status = 'succeeded';

      CREATE FUNCTION refuse_leaving_a_final_state() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'job % is % for good', OLD.id, OLD.status;
      END $$;
      CREATE TRIGGER jobs_final BEFORE UPDATE OF status ON jobs FOR EACH ROW
        WHEN (OLD.finished_at IS NOT NULL AND NEW.status IS DISTINCT FROM OLD.status)
        EXECUTE FUNCTION refuse_leaving_a_final_state();

      CREATE TABLE job_inputs (
        job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        role text NOT NULL,
        file_id uuid NOT NULL REFERENCES files (id),
        PRIMARY KEY (job_id, role)
      );
      CREATE INDEX job_inputs_by_file ON job_inputs (file_id);

      CREATE TABLE job_outputs (
        job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        name text NOT NULL,
        position integer NOT NULL,
        type text NOT NULL CHECK (type IN ('file', 'text')),
        file_id uuid REFERENCES files (id),
        text text,
        PRIMARY KEY (job_id, name),
        CHECK ((type = 'file') = (file_id IS NOT NULL)),
        CHECK ((type = 'text') = (text IS NOT NULL))
      );
      CREATE INDEX job_outputs_by_file ON job_outputs (file_id);

      -- Every prompt id that we ever minted: what else is on a ComfyUI is not ours to touch.
      CREATE TABLE job_prompts (
        prompt_id uuid PRIMARY KEY,
        job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        epoch integer NOT NULL,
        instance_id text NOT NULL REFERENCES instances (id),
        minted_at timestamptz NOT NULL DEFAULT now(),
        running_at timestamptz,
        ended_at timestamptz,
        outcome text
      );
      CREATE INDEX job_prompts_by_job ON job_prompts (job_id);

      CREATE TABLE job_events (
        job_id uuid NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
        id integer NOT NULL,
        type text NOT NULL CHECK (type IN ('progress', 'preview', 'status')),
        data jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (job_id, id)
      );
      CREATE INDEX job_events_by_age ON job_events (created_at) WHERE type <> 'status';

      CREATE TABLE job_previews (
        job_id uuid PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
        mime_type text NOT NULL,
        bytes bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE job_previews, job_events, job_prompts, job_outputs, job_inputs, jobs, turns, turn_clocks, instances;
      DROP FUNCTION refuse_leaving_a_final_state;
    `);
  }
}

/** What a create at a paid provider leaves behind: see ProviderTasks. */
export class TraceProviderTasks1795459000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE jobs ADD COLUMN provider_marker text, ADD COLUMN provider_create_at timestamptz,
        ADD CHECK (provider_task_id IS NULL OR provider_create_at IS NOT NULL);
      CREATE UNIQUE INDEX jobs_of_provider_task ON jobs (provider_task_id) WHERE provider_task_id IS NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE jobs DROP COLUMN provider_marker, DROP COLUMN provider_create_at',
    );
  }
}

/** A workflow may need other files for some of its choices, such as a trained background. */
export class AddJobCapability1795459100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // What an instance must be able to do; null: the workflow.
    await runner.query('ALTER TABLE jobs ADD COLUMN capability text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE jobs DROP COLUMN capability');
  }
}

/** What a start that did not succeed had stored already is removed, once. */
export class DiscardVainOutputs1795816800000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE job_prompts ADD COLUMN discarded_at timestamptz;
      CREATE INDEX job_prompts_in_vain ON job_prompts (ended_at)
        WHERE running_at IS NOT NULL AND outcome <> 'succeeded' AND discarded_at IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE job_prompts DROP COLUMN discarded_at');
  }
}

/** An admin's retry is a job of its own: see docs/decisions/0011-a-retry-is-a-new-job.md. */
export class AddJobRetries1795459200000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE jobs ADD COLUMN retry_of uuid UNIQUE REFERENCES jobs (id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE jobs DROP COLUMN retry_of');
  }
}

export const JOBS_MIGRATIONS = [
  CreateJobs1795400004000,
  TraceProviderTasks1795459000000,
  AddJobCapability1795459100000,
  AddJobRetries1795459200000,
  DiscardVainOutputs1795816800000,
];
