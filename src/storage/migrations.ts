import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Files and the links to them. A row exists before any byte of its object is stored. */
export class CreateFiles1795400002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE files (
        id uuid PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id),
        kind text NOT NULL CHECK (kind IN ('input', 'output')),
        -- pending: bytes may be on their way; stored: complete; deleted: bytes gone or to be removed.
        status text NOT NULL CHECK (status IN ('pending', 'stored', 'deleted')),
        storage_key text NOT NULL UNIQUE,
        name text NOT NULL,
        mime_type text NOT NULL,
        size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
        width integer CHECK (width > 0),
        height integer CHECK (height > 0),
        -- Of the stored bytes, and of the bytes as they were uploaded.
        sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        source_sha256 text CHECK (source_sha256 ~ '^[0-9a-f]{64}$'),
        note text,
        job_id uuid,
        -- The start of the job that made an output (its prompt id).
        discriminator text,
        expires_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        stored_at timestamptz(3),
        deleted_at timestamptz(3),
        purged_at timestamptz(3),
        CONSTRAINT files_output_job CHECK ((kind = 'output') = (job_id IS NOT NULL AND discriminator IS NOT NULL)),
        CONSTRAINT files_input_source CHECK ((kind = 'input') = (source_sha256 IS NOT NULL)),
        CONSTRAINT files_stored_at CHECK (status <> 'stored' OR stored_at IS NOT NULL),
        CONSTRAINT files_deleted_at CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
      );
      CREATE UNIQUE INDEX files_one_input ON files (user_id, source_sha256)
        WHERE kind = 'input' AND status = 'stored';
      CREATE UNIQUE INDEX files_one_output ON files (job_id, discriminator, name)
        WHERE kind = 'output' AND status = 'stored';
      CREATE INDEX files_by_person ON files (user_id, created_at DESC, id DESC) WHERE status = 'stored';
      CREATE INDEX files_by_job ON files (job_id) WHERE job_id IS NOT NULL;
      CREATE INDEX files_unfinished ON files (created_at) WHERE status = 'pending';
      CREATE INDEX files_to_purge ON files (deleted_at) WHERE status = 'deleted' AND purged_at IS NULL;
      CREATE INDEX files_expiring ON files (expires_at) WHERE status = 'stored' AND expires_at IS NOT NULL;

      CREATE TABLE file_links (
        id uuid PRIMARY KEY,
        file_id uuid NOT NULL REFERENCES files (id),
        expires_at timestamptz(3) NOT NULL,
        revoked_at timestamptz(3),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX file_links_by_file ON file_links (file_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE file_links; DROP TABLE files;');
  }
}

/** Usage per person, counted by the database itself, and the key of kept originals. */
export class CountFileUsage1795400002001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Retention counts from stored_at: when the person last stored the bytes.
      ALTER TABLE files DROP COLUMN expires_at;
      -- The bytes as uploaded, where they are kept too.
      ALTER TABLE files ADD COLUMN original_key text;
      CREATE INDEX files_by_age ON files (kind, stored_at) WHERE status = 'stored';

      CREATE TABLE file_usage (
        user_id uuid PRIMARY KEY REFERENCES users (id),
        files bigint NOT NULL CHECK (files >= 0),
        bytes bigint NOT NULL CHECK (bytes >= 0)
      );
      INSERT INTO file_usage
        SELECT user_id, count(*), sum(size_bytes) FROM files WHERE status = 'stored' GROUP BY user_id;

      CREATE FUNCTION count_file_usage() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        was integer := CASE WHEN TG_OP <> 'INSERT' AND OLD.status = 'stored' THEN 1 ELSE 0 END;
        is_now integer := CASE WHEN TG_OP <> 'DELETE' AND NEW.status = 'stored' THEN 1 ELSE 0 END;
        file files := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
      BEGIN
        IF was <> is_now THEN
          INSERT INTO file_usage (user_id, files, bytes) VALUES (file.user_id, 0, 0)
            ON CONFLICT DO NOTHING;
          UPDATE file_usage SET files = files + (is_now - was),
            bytes = bytes + (is_now - was) * file.size_bytes
          WHERE user_id = file.user_id;
        END IF;
        RETURN NULL;
      END $$;
      CREATE TRIGGER files_usage AFTER INSERT OR UPDATE OF status OR DELETE ON files
        FOR EACH ROW EXECUTE FUNCTION count_file_usage();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER files_usage ON files; DROP FUNCTION count_file_usage; DROP TABLE file_usage;
      DROP INDEX files_by_age; ALTER TABLE files DROP COLUMN original_key;
      ALTER TABLE files ADD COLUMN expires_at timestamptz(3);
    `);
  }
}

export const STORAGE_MIGRATIONS = [CreateFiles1795400002000, CountFileUsage1795400002001];
