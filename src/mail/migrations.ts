import type { MigrationInterface, QueryRunner } from 'typeorm';

class CreateEmails1795400050000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // No foreign keys: a mail outlives the job and the person, as a record that it was sent.
    await runner.query(`
      CREATE TABLE emails (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        event_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('verify-email', 'already-registered', 'reset-password',
          'password-changed', 'address-changed', 'identity-linked',
          'job-succeeded', 'job-failed', 'job-shared')),
        user_id uuid NOT NULL,
        job_id uuid,
        recipient text NOT NULL,
        recipient_name text,
        payload jsonb NOT NULL DEFAULT '{}',
        status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'delivered',
          'bounced', 'complained', 'suppressed', 'undeliverable', 'dead')),
        attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        waits integer NOT NULL DEFAULT 0 CHECK (waits >= 0),
        crashes integer NOT NULL DEFAULT 0 CHECK (crashes >= 0),
        possible_copies integer NOT NULL DEFAULT 0 CHECK (possible_copies >= 0),
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        messaged_at timestamptz NOT NULL DEFAULT now(),
        lease_epoch integer NOT NULL DEFAULT 0,
        lease_until timestamptz,
        lease_owner text,
        unknown_since timestamptz,
        provider_message_id text,
        last_error text,
        -- what SES said of a bounce; a permanent one is never followed by a delivery
        bounce_type text CHECK (bounce_type IN ('permanent', 'transient', 'undetermined')),
        -- milliseconds, as in cursors
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        sent_at timestamptz,
        UNIQUE (event_id, recipient),
        CHECK ((lease_until IS NULL) = (lease_owner IS NULL)),
        CHECK (status NOT IN ('sent', 'delivered') OR sent_at IS NOT NULL),
        CHECK ((status = 'bounced') = (bounce_type IS NOT NULL) OR status = 'complained')
      );
      CREATE INDEX emails_open ON emails (next_attempt_at) WHERE status = 'queued';
      CREATE INDEX emails_watched ON emails (status) WHERE status IN ('queued', 'dead');
      CREATE INDEX emails_by_job ON emails (job_id, created_at) WHERE job_id IS NOT NULL;
      CREATE INDEX emails_by_person ON emails (user_id, created_at);
      CREATE INDEX emails_by_age ON emails (created_at, id);
      CREATE INDEX emails_by_provider ON emails (provider_message_id) WHERE provider_message_id IS NOT NULL;
      COMMENT ON COLUMN emails.attempts IS 'tries that failed, or ended unknown, or succeeded; throttling spends none';
      COMMENT ON COLUMN emails.waits IS 'times SES was not ready for it in a row';
      COMMENT ON COLUMN emails.crashes IS 'times a mailer died holding it';
      COMMENT ON COLUMN emails.possible_copies IS 'requests repeated without knowing what became of the one before';
      COMMENT ON COLUMN emails.unknown_since IS 'when a request went out whose outcome is not recorded';
      COMMENT ON COLUMN emails.messaged_at IS 'when the last message for SQS was made';

      CREATE TABLE suppressed_addresses (
        address text PRIMARY KEY,
        reason text NOT NULL CHECK (reason IN ('bounce', 'complaint')),
        detail text,
        email_id uuid,
        created_at timestamptz(3) NOT NULL DEFAULT now()
      );

      CREATE TABLE mail_pace (
        name text PRIMARY KEY,
        next_at timestamptz NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE mail_pace; DROP TABLE suppressed_addresses; DROP TABLE emails;');
  }
}

class AllowUnlinkedMails1795500050000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE emails DROP CONSTRAINT emails_kind_check;
      ALTER TABLE emails ADD CONSTRAINT emails_kind_check CHECK (kind IN ('verify-email',
        'already-registered', 'reset-password', 'password-changed', 'address-changed',
        'identity-linked', 'identity-unlinked', 'job-succeeded', 'job-failed', 'job-shared'));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DELETE FROM emails WHERE kind = 'identity-unlinked';
      ALTER TABLE emails DROP CONSTRAINT emails_kind_check;
      ALTER TABLE emails ADD CONSTRAINT emails_kind_check CHECK (kind IN ('verify-email',
        'already-registered', 'reset-password', 'password-changed', 'address-changed',
        'identity-linked', 'job-succeeded', 'job-failed', 'job-shared'));
    `);
  }
}

/** Bring the mail module's tables up to date, in this order. */
export const MAIL_MIGRATIONS = [CreateEmails1795400050000, AllowUnlinkedMails1795500050000];
