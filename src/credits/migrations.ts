import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Balances and their entries. The constraints repeat the rules of the ledger so that no program,
 * ours included, can write an entry that does not add up.
 */
export class CreateCredits1795400003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE credit_accounts (
        user_id uuid PRIMARY KEY REFERENCES users (id),
        available bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
        reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
        created_at timestamptz(3) NOT NULL DEFAULT now()
      );
      CREATE TABLE credit_entries (
        id uuid PRIMARY KEY,
        -- Drawn while the account row is locked: per person it rises in the order of the movements.
        sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
        user_id uuid NOT NULL REFERENCES credit_accounts (user_id),
        type text NOT NULL CHECK (type IN ('grant', 'reserve', 'capture', 'release', 'adjust')),
        available_delta bigint NOT NULL,
        reserved_delta bigint NOT NULL,
        available_after bigint NOT NULL CHECK (available_after >= 0),
        reserved_after bigint NOT NULL CHECK (reserved_after >= 0),
        job_id uuid,
        reason text CHECK (length(reason) BETWEEN 1 AND 500),
        actor_id uuid,
        -- Names a movement that may happen once for ever, such as the grant at sign-up.
        key text,
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT credit_entries_signs CHECK (CASE type
          WHEN 'grant' THEN available_delta > 0 AND reserved_delta = 0
          WHEN 'adjust' THEN available_delta <> 0 AND reserved_delta = 0
          WHEN 'reserve' THEN reserved_delta >= 0 AND available_delta = -reserved_delta
          WHEN 'capture' THEN available_delta = 0 AND reserved_delta <= 0
          WHEN 'release' THEN reserved_delta <= 0 AND available_delta = -reserved_delta
        END),
        CONSTRAINT credit_entries_job CHECK ((type IN ('reserve', 'capture', 'release')) = (job_id IS NOT NULL)),
        CONSTRAINT credit_entries_reason CHECK (type NOT IN ('grant', 'adjust') OR reason IS NOT NULL)
      );
      CREATE UNIQUE INDEX credit_entries_one_reserve ON credit_entries (job_id) WHERE type = 'reserve';
      CREATE UNIQUE INDEX credit_entries_one_end ON credit_entries (job_id) WHERE type IN ('capture', 'release');
      CREATE UNIQUE INDEX credit_entries_once ON credit_entries (key) WHERE key IS NOT NULL;
      CREATE INDEX credit_entries_by_person ON credit_entries (user_id, sequence DESC);

      -- Who had the grant at sign-up: by account and by a keyed hash of the address.
      CREATE TABLE credit_sign_ups (
        user_id uuid PRIMARY KEY REFERENCES users (id),
        address_hash bytea NOT NULL UNIQUE,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      );

      CREATE FUNCTION refuse_change_of_credit_entries() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'credit_entries is append-only: % is refused; write a correcting entry', TG_OP
          USING ERRCODE = 'restrict_violation';
      END $$;
      CREATE TRIGGER credit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_credit_entries();
      -- ALWAYS: fires for replication roles too.
      ALTER TABLE credit_entries ENABLE ALWAYS TRIGGER credit_entries_append_only;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE credit_sign_ups, credit_entries; DROP FUNCTION refuse_change_of_credit_entries; DROP TABLE credit_accounts;
    `);
  }
}

export const CREDITS_MIGRATIONS = [CreateCredits1795400003000];
