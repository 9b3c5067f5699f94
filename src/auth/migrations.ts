import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAccounts1795400001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE users (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        email text CHECK (length(email) <= 254),
        name text CHECK (length(name) <= 100),
        role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
        status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'erased')),
        password_hash text,
        email_verified_at timestamptz,
        result_mails text NOT NULL DEFAULT 'all' CHECK (result_mails IN ('all', 'success', 'none')),
        created_at timestamptz(3) NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        suspended_at timestamptz,
        erased_at timestamptz,
        CHECK ((status = 'erased') = (email IS NULL)),
        CHECK ((status = 'erased') = (erased_at IS NOT NULL)),
        CHECK (status <> 'suspended' OR suspended_at IS NOT NULL),
        CHECK (status <> 'erased' OR (name IS NULL AND password_hash IS NULL))
      );
      CREATE UNIQUE INDEX users_by_email ON users (email);
      CREATE INDEX users_by_age ON users (created_at, id);

      CREATE TABLE identities (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users (id),
        provider text NOT NULL CHECK (provider IN ('google')),
        subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
        email text NOT NULL,
        is_authoritative boolean NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (provider, subject),
        UNIQUE (user_id, provider)
      );

      CREATE TABLE sessions (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users (id),
        method text NOT NULL CHECK (method IN ('password', 'verification', 'google')),
        ip text,
        user_agent text,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz NOT NULL DEFAULT now(),
        idle_expires_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        end_reason text CHECK (end_reason IN
          ('logout', 'replay', 'password', 'suspended', 'erased', 'ended', 'replaced')),
        CHECK ((ended_at IS NULL) = (end_reason IS NULL))
      );
      CREATE INDEX sessions_open_by_user ON sessions (user_id) WHERE ended_at IS NULL;
      CREATE INDEX sessions_by_expiry ON sessions (idle_expires_at);

      CREATE TABLE refresh_tokens (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        parent_id uuid REFERENCES refresh_tokens (id) ON DELETE CASCADE,
        token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
        created_at timestamptz NOT NULL DEFAULT now(),
        used_at timestamptz
      );
      CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
      CREATE INDEX refresh_tokens_by_parent ON refresh_tokens (parent_id);

      CREATE TABLE account_links (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users (id),
        purpose text NOT NULL CHECK (purpose IN ('verify-email', 'reset-password', 'change-address')),
        address text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        killed_at timestamptz,
        CHECK (used_at IS NULL OR killed_at IS NULL)
      );
      CREATE UNIQUE INDEX account_links_live ON account_links (user_id, purpose)
        WHERE used_at IS NULL AND killed_at IS NULL;
      CREATE INDEX account_links_by_expiry ON account_links (expires_at);

      CREATE TABLE api_keys (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users (id),
        name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
        hint text NOT NULL,
        key_hash bytea NOT NULL UNIQUE CHECK (length(key_hash) = 32),
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz,
        revoked_at timestamptz
      );
      CREATE INDEX api_keys_by_user ON api_keys (user_id);

      CREATE TABLE login_codes (
        code_hash bytea PRIMARY KEY CHECK (length(code_hash) = 32),
        user_id uuid NOT NULL REFERENCES users (id),
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at timestamptz
      );
      CREATE TABLE google_flows (
        cookie_hash bytea PRIMARY KEY CHECK (length(cookie_hash) = 32),
        state jsonb NOT NULL,
        return_to text,
        expires_at timestamptz NOT NULL
      );

      CREATE TABLE audit_events (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
        kind text NOT NULL,
        actor_id uuid,
        subject_id uuid,
        ip text,
        user_agent text,
        request_id text,
        details jsonb NOT NULL DEFAULT '{}'
      );
      CREATE INDEX audit_events_by_age ON audit_events (created_at, id);
      CREATE INDEX audit_events_by_subject ON audit_events (subject_id, created_at, id);
      CREATE INDEX audit_events_by_actor ON audit_events (actor_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE audit_events, google_flows, login_codes, api_keys, account_links, refresh_tokens,
        sessions, identities, users;
    `);
  }
}

export const AUTH_MIGRATIONS = [CreateAccounts1795400001000];
