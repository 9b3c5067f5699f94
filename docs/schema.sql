-- Written by npm run gen from the migrations; do not edit. The queue's own schema is not shown.

CREATE OR REPLACE FUNCTION public.count_file_usage()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
      END $function$
;

CREATE OR REPLACE FUNCTION public.refuse_change_of_credit_entries()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        RAISE EXCEPTION 'credit_entries is append-only: % is refused; write a correcting entry', TG_OP
          USING ERRCODE = 'restrict_violation';
      END $function$
;

CREATE OR REPLACE FUNCTION public.refuse_leaving_a_final_state()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
      BEGIN
        RAISE EXCEPTION 'job % is % for good', OLD.id, OLD.status;
      END $function$
;

CREATE TABLE account_links (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  user_id uuid NOT NULL,
  purpose text NOT NULL,
  address text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  killed_at timestamp with time zone,
  CONSTRAINT account_links_pkey PRIMARY KEY (id),
  CONSTRAINT account_links_check CHECK (((used_at IS NULL) OR (killed_at IS NULL))),
  CONSTRAINT account_links_purpose_check CHECK ((purpose = ANY (ARRAY['verify-email'::text, 'reset-password'::text, 'change-address'::text]))),
  CONSTRAINT account_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX account_links_by_expiry ON public.account_links USING btree (expires_at);
CREATE UNIQUE INDEX account_links_live ON public.account_links USING btree (user_id, purpose) WHERE ((used_at IS NULL) AND (killed_at IS NULL));

CREATE TABLE api_keys (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  user_id uuid NOT NULL,
  name text NOT NULL,
  hint text NOT NULL,
  key_hash bytea NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  CONSTRAINT api_keys_pkey PRIMARY KEY (id),
  CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash),
  CONSTRAINT api_keys_key_hash_check CHECK ((length(key_hash) = 32)),
  CONSTRAINT api_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX api_keys_by_user ON public.api_keys USING btree (user_id);

CREATE TABLE audit_events (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  created_at timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
  kind text NOT NULL,
  actor_id uuid,
  subject_id uuid,
  ip text,
  user_agent text,
  request_id text,
  details jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT audit_events_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_events_by_actor ON public.audit_events USING btree (actor_id);
CREATE INDEX audit_events_by_age ON public.audit_events USING btree (created_at, id);
CREATE INDEX audit_events_by_subject ON public.audit_events USING btree (subject_id, created_at, id);

CREATE TABLE credit_accounts (
  user_id uuid NOT NULL,
  available bigint DEFAULT 0 NOT NULL,
  reserved bigint DEFAULT 0 NOT NULL,
  created_at timestamp(3) with time zone DEFAULT now() NOT NULL,
  CONSTRAINT credit_accounts_pkey PRIMARY KEY (user_id),
  CONSTRAINT credit_accounts_available_check CHECK ((available >= 0)),
  CONSTRAINT credit_accounts_reserved_check CHECK ((reserved >= 0)),
  CONSTRAINT credit_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);

CREATE TABLE credit_entries (
  id uuid NOT NULL,
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  user_id uuid NOT NULL,
  type text NOT NULL,
  available_delta bigint NOT NULL,
  reserved_delta bigint NOT NULL,
  available_after bigint NOT NULL,
  reserved_after bigint NOT NULL,
  job_id uuid,
  reason text,
  actor_id uuid,
  key text,
  created_at timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT credit_entries_pkey PRIMARY KEY (id),
  CONSTRAINT credit_entries_sequence_key UNIQUE (sequence),
  CONSTRAINT credit_entries_available_after_check CHECK ((available_after >= 0)),
  CONSTRAINT credit_entries_job CHECK (((type = ANY (ARRAY['reserve'::text, 'capture'::text, 'release'::text])) = (job_id IS NOT NULL))),
  CONSTRAINT credit_entries_reason CHECK (((type <> ALL (ARRAY['grant'::text, 'adjust'::text])) OR (reason IS NOT NULL))),
  CONSTRAINT credit_entries_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 500))),
  CONSTRAINT credit_entries_reserved_after_check CHECK ((reserved_after >= 0)),
  CONSTRAINT credit_entries_signs CHECK (
CASE type
    WHEN 'grant'::text THEN ((available_delta > 0) AND (reserved_delta = 0))
    WHEN 'adjust'::text THEN ((available_delta <> 0) AND (reserved_delta = 0))
    WHEN 'reserve'::text THEN ((reserved_delta >= 0) AND (available_delta = (- reserved_delta)))
    WHEN 'capture'::text THEN ((available_delta = 0) AND (reserved_delta <= 0))
    WHEN 'release'::text THEN ((reserved_delta <= 0) AND (available_delta = (- reserved_delta)))
    ELSE NULL::boolean
END),
  CONSTRAINT credit_entries_type_check CHECK ((type = ANY (ARRAY['grant'::text, 'reserve'::text, 'capture'::text, 'release'::text, 'adjust'::text]))),
  CONSTRAINT credit_entries_user_id_fkey FOREIGN KEY (user_id) REFERENCES credit_accounts(user_id)
);
CREATE INDEX credit_entries_by_person ON public.credit_entries USING btree (user_id, sequence DESC);
CREATE UNIQUE INDEX credit_entries_once ON public.credit_entries USING btree (key) WHERE (key IS NOT NULL);
CREATE UNIQUE INDEX credit_entries_one_end ON public.credit_entries USING btree (job_id) WHERE (type = ANY (ARRAY['capture'::text, 'release'::text]));
CREATE UNIQUE INDEX credit_entries_one_reserve ON public.credit_entries USING btree (job_id) WHERE (type = 'reserve'::text);
CREATE TRIGGER credit_entries_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.credit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_credit_entries();

CREATE TABLE credit_sign_ups (
  user_id uuid NOT NULL,
  address_hash bytea NOT NULL,
  created_at timestamp(3) with time zone DEFAULT now() NOT NULL,
  CONSTRAINT credit_sign_ups_pkey PRIMARY KEY (user_id),
  CONSTRAINT credit_sign_ups_address_hash_key UNIQUE (address_hash),
  CONSTRAINT credit_sign_ups_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);

CREATE TABLE emails (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  event_id uuid NOT NULL,
  kind text NOT NULL,
  user_id uuid NOT NULL,
  job_id uuid,
  recipient text NOT NULL,
  recipient_name text,
  payload jsonb DEFAULT '{}'::jsonb NOT NULL,
  status text DEFAULT 'queued'::text NOT NULL,
  attempts integer DEFAULT 0 NOT NULL,
  waits integer DEFAULT 0 NOT NULL,
  crashes integer DEFAULT 0 NOT NULL,
  possible_copies integer DEFAULT 0 NOT NULL,
  next_attempt_at timestamp with time zone DEFAULT now() NOT NULL,
  messaged_at timestamp with time zone DEFAULT now() NOT NULL,
  lease_epoch integer DEFAULT 0 NOT NULL,
  lease_until timestamp with time zone,
  lease_owner text,
  unknown_since timestamp with time zone,
  provider_message_id text,
  last_error text,
  bounce_type text,
  created_at timestamp(3) with time zone DEFAULT now() NOT NULL,
  sent_at timestamp with time zone,
  CONSTRAINT emails_pkey PRIMARY KEY (id),
  CONSTRAINT emails_event_id_recipient_key UNIQUE (event_id, recipient),
  CONSTRAINT emails_attempts_check CHECK ((attempts >= 0)),
  CONSTRAINT emails_bounce_type_check CHECK ((bounce_type = ANY (ARRAY['permanent'::text, 'transient'::text, 'undetermined'::text]))),
  CONSTRAINT emails_check CHECK (((lease_until IS NULL) = (lease_owner IS NULL))),
  CONSTRAINT emails_check1 CHECK (((status <> ALL (ARRAY['sent'::text, 'delivered'::text])) OR (sent_at IS NOT NULL))),
  CONSTRAINT emails_check2 CHECK ((((status = 'bounced'::text) = (bounce_type IS NOT NULL)) OR (status = 'complained'::text))),
  CONSTRAINT emails_crashes_check CHECK ((crashes >= 0)),
  CONSTRAINT emails_kind_check CHECK ((kind = ANY (ARRAY['verify-email'::text, 'already-registered'::text, 'reset-password'::text, 'password-changed'::text, 'address-changed'::text, 'identity-linked'::text, 'identity-unlinked'::text, 'job-succeeded'::text, 'job-failed'::text, 'job-shared'::text]))),
  CONSTRAINT emails_possible_copies_check CHECK ((possible_copies >= 0)),
  CONSTRAINT emails_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'sent'::text, 'delivered'::text, 'bounced'::text, 'complained'::text, 'suppressed'::text, 'undeliverable'::text, 'dead'::text]))),
  CONSTRAINT emails_waits_check CHECK ((waits >= 0))
);
CREATE INDEX emails_by_age ON public.emails USING btree (created_at, id);
CREATE INDEX emails_by_job ON public.emails USING btree (job_id, created_at) WHERE (job_id IS NOT NULL);
CREATE INDEX emails_by_person ON public.emails USING btree (user_id, created_at);
CREATE INDEX emails_by_provider ON public.emails USING btree (provider_message_id) WHERE (provider_message_id IS NOT NULL);
CREATE INDEX emails_open ON public.emails USING btree (next_attempt_at) WHERE (status = 'queued'::text);
CREATE INDEX emails_watched ON public.emails USING btree (status) WHERE (status = ANY (ARRAY['queued'::text, 'dead'::text]));
COMMENT ON COLUMN emails.attempts IS 'tries that failed, or ended unknown, or succeeded; throttling spends none';
COMMENT ON COLUMN emails.waits IS 'times SES was not ready for it in a row';
COMMENT ON COLUMN emails.crashes IS 'times a mailer died holding it';
COMMENT ON COLUMN emails.possible_copies IS 'requests repeated without knowing what became of the one before';
COMMENT ON COLUMN emails.messaged_at IS 'when the last message for SQS was made';
COMMENT ON COLUMN emails.unknown_since IS 'when a request went out whose outcome is not recorded';

CREATE TABLE file_links (
  id uuid NOT NULL,
  file_id uuid NOT NULL,
  expires_at timestamp(3) with time zone NOT NULL,
  revoked_at timestamp(3) with time zone,
  created_at timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT file_links_pkey PRIMARY KEY (id),
  CONSTRAINT file_links_file_id_fkey FOREIGN KEY (file_id) REFERENCES files(id)
);
CREATE INDEX file_links_by_file ON public.file_links USING btree (file_id);

CREATE TABLE file_usage (
  user_id uuid NOT NULL,
  files bigint NOT NULL,
  bytes bigint NOT NULL,
  CONSTRAINT file_usage_pkey PRIMARY KEY (user_id),
  CONSTRAINT file_usage_bytes_check CHECK ((bytes >= 0)),
  CONSTRAINT file_usage_files_check CHECK ((files >= 0)),
  CONSTRAINT file_usage_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);

CREATE TABLE files (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  storage_key text NOT NULL,
  name text NOT NULL,
  mime_type text NOT NULL,
  size_bytes bigint NOT NULL,
  width integer,
  height integer,
  sha256 text NOT NULL,
  source_sha256 text,
  note text,
  job_id uuid,
  discriminator text,
  created_at timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
  stored_at timestamp(3) with time zone,
  deleted_at timestamp(3) with time zone,
  purged_at timestamp(3) with time zone,
  original_key text,
  CONSTRAINT files_pkey PRIMARY KEY (id),
  CONSTRAINT files_storage_key_key UNIQUE (storage_key),
  CONSTRAINT files_deleted_at CHECK (((status = 'deleted'::text) = (deleted_at IS NOT NULL))),
  CONSTRAINT files_height_check CHECK ((height > 0)),
  CONSTRAINT files_input_source CHECK (((kind = 'input'::text) = (source_sha256 IS NOT NULL))),
  CONSTRAINT files_kind_check CHECK ((kind = ANY (ARRAY['input'::text, 'output'::text]))),
  CONSTRAINT files_output_job CHECK (((kind = 'output'::text) = ((job_id IS NOT NULL) AND (discriminator IS NOT NULL)))),
  CONSTRAINT files_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT files_size_bytes_check CHECK ((size_bytes >= 0)),
  CONSTRAINT files_source_sha256_check CHECK ((source_sha256 ~ '^[0-9a-f]{64}$'::text)),
  CONSTRAINT files_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'stored'::text, 'deleted'::text]))),
  CONSTRAINT files_stored_at CHECK (((status <> 'stored'::text) OR (stored_at IS NOT NULL))),
  CONSTRAINT files_width_check CHECK ((width > 0)),
  CONSTRAINT files_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX files_by_age ON public.files USING btree (kind, stored_at) WHERE (status = 'stored'::text);
CREATE INDEX files_by_job ON public.files USING btree (job_id) WHERE (job_id IS NOT NULL);
CREATE INDEX files_by_person ON public.files USING btree (user_id, created_at DESC, id DESC) WHERE (status = 'stored'::text);
CREATE UNIQUE INDEX files_one_input ON public.files USING btree (user_id, source_sha256) WHERE ((kind = 'input'::text) AND (status = 'stored'::text));
CREATE UNIQUE INDEX files_one_output ON public.files USING btree (job_id, discriminator, name) WHERE ((kind = 'output'::text) AND (status = 'stored'::text));
CREATE INDEX files_to_purge ON public.files USING btree (deleted_at) WHERE ((status = 'deleted'::text) AND (purged_at IS NULL));
CREATE INDEX files_unfinished ON public.files USING btree (created_at) WHERE (status = 'pending'::text);
CREATE TRIGGER files_usage AFTER INSERT OR DELETE OR UPDATE OF status ON public.files FOR EACH ROW EXECUTE FUNCTION count_file_usage();

CREATE TABLE google_flows (
  cookie_hash bytea NOT NULL,
  state jsonb NOT NULL,
  return_to text,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT google_flows_pkey PRIMARY KEY (cookie_hash),
  CONSTRAINT google_flows_cookie_hash_check CHECK ((length(cookie_hash) = 32))
);

CREATE TABLE idempotency_keys (
  user_id uuid NOT NULL,
  key text NOT NULL,
  route text NOT NULL,
  fingerprint text NOT NULL,
  status integer NOT NULL,
  resource_id text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key),
  CONSTRAINT idempotency_keys_key_check CHECK ((length(key) <= 255))
);
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);

CREATE TABLE identities (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  user_id uuid NOT NULL,
  provider text NOT NULL,
  subject text NOT NULL,
  email text NOT NULL,
  is_authoritative boolean NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  last_used_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT identities_pkey PRIMARY KEY (id),
  CONSTRAINT identities_provider_subject_key UNIQUE (provider, subject),
  CONSTRAINT identities_user_id_provider_key UNIQUE (user_id, provider),
  CONSTRAINT identities_provider_check CHECK ((provider = 'google'::text)),
  CONSTRAINT identities_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 255))),
  CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);

CREATE TABLE instances (
  id text NOT NULL,
  url text NOT NULL,
  owner text,
  lease_epoch integer DEFAULT 0 NOT NULL,
  lease_until timestamp with time zone,
  state text DEFAULT 'unknown'::text NOT NULL,
  state_since timestamp with time zone DEFAULT now() NOT NULL,
  version text,
  capabilities jsonb DEFAULT '{}'::jsonb NOT NULL,
  workflows text[] DEFAULT '{}'::text[] NOT NULL,
  ever_workflows text[] DEFAULT '{}'::text[] NOT NULL,
  seen_at timestamp with time zone,
  last_error text,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT instances_pkey PRIMARY KEY (id),
  CONSTRAINT instances_url_key UNIQUE (url),
  CONSTRAINT instances_state_check CHECK ((state = ANY (ARRAY['unknown'::text, 'ready'::text, 'down'::text, 'sick'::text])))
);

CREATE TABLE job_events (
  job_id uuid NOT NULL,
  id integer NOT NULL,
  type text NOT NULL,
  data jsonb NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT job_events_pkey PRIMARY KEY (job_id, id),
  CONSTRAINT job_events_type_check CHECK ((type = ANY (ARRAY['progress'::text, 'preview'::text, 'status'::text]))),
  CONSTRAINT job_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX job_events_by_age ON public.job_events USING btree (created_at) WHERE (type <> 'status'::text);

CREATE TABLE job_inputs (
  job_id uuid NOT NULL,
  role text NOT NULL,
  file_id uuid NOT NULL,
  CONSTRAINT job_inputs_pkey PRIMARY KEY (job_id, role),
  CONSTRAINT job_inputs_file_id_fkey FOREIGN KEY (file_id) REFERENCES files(id),
  CONSTRAINT job_inputs_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX job_inputs_by_file ON public.job_inputs USING btree (file_id);

CREATE TABLE job_outputs (
  job_id uuid NOT NULL,
  name text NOT NULL,
  "position" integer NOT NULL,
  type text NOT NULL,
  file_id uuid,
  text text,
  CONSTRAINT job_outputs_pkey PRIMARY KEY (job_id, name),
  CONSTRAINT job_outputs_check CHECK (((type = 'file'::text) = (file_id IS NOT NULL))),
  CONSTRAINT job_outputs_check1 CHECK (((type = 'text'::text) = (text IS NOT NULL))),
  CONSTRAINT job_outputs_type_check CHECK ((type = ANY (ARRAY['file'::text, 'text'::text]))),
  CONSTRAINT job_outputs_file_id_fkey FOREIGN KEY (file_id) REFERENCES files(id),
  CONSTRAINT job_outputs_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX job_outputs_by_file ON public.job_outputs USING btree (file_id);

CREATE TABLE job_previews (
  job_id uuid NOT NULL,
  mime_type text NOT NULL,
  bytes bytea NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT job_previews_pkey PRIMARY KEY (job_id),
  CONSTRAINT job_previews_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);

CREATE TABLE job_prompts (
  prompt_id uuid NOT NULL,
  job_id uuid NOT NULL,
  epoch integer NOT NULL,
  instance_id text NOT NULL,
  minted_at timestamp with time zone DEFAULT now() NOT NULL,
  running_at timestamp with time zone,
  ended_at timestamp with time zone,
  outcome text,
  discarded_at timestamp with time zone,
  CONSTRAINT job_prompts_pkey PRIMARY KEY (prompt_id),
  CONSTRAINT job_prompts_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES instances(id),
  CONSTRAINT job_prompts_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) ON DELETE CASCADE
);
CREATE INDEX job_prompts_by_job ON public.job_prompts USING btree (job_id);
CREATE INDEX job_prompts_in_vain ON public.job_prompts USING btree (ended_at) WHERE ((running_at IS NOT NULL) AND (outcome <> 'succeeded'::text) AND (discarded_at IS NULL));

CREATE TABLE jobs (
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL,
  workflow text NOT NULL,
  title text NOT NULL,
  variant text,
  status text DEFAULT 'queued'::text NOT NULL,
  parameters jsonb NOT NULL,
  credits integer NOT NULL,
  turn bigint NOT NULL,
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  lease_epoch integer DEFAULT 0 NOT NULL,
  lease_owner text,
  lease_until timestamp with time zone,
  instance_id text,
  prompt_id uuid,
  provider_task_id text,
  starts integer DEFAULT 0 NOT NULL,
  memory_retries integer DEFAULT 0 NOT NULL,
  progress_percent real DEFAULT 0 NOT NULL,
  progress_step text,
  event_sequence integer DEFAULT 0 NOT NULL,
  cancel_requested_at timestamp with time zone,
  yield_to text,
  yield_until timestamp with time zone,
  error jsonb,
  deadline_at timestamp with time zone,
  queue_expires_at timestamp with time zone NOT NULL,
  available_at timestamp with time zone DEFAULT now() NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  provider_marker text,
  provider_create_at timestamp with time zone,
  capability text,
  retry_of uuid,
  CONSTRAINT jobs_pkey PRIMARY KEY (id),
  CONSTRAINT jobs_retry_of_key UNIQUE (retry_of),
  CONSTRAINT jobs_check CHECK (((status = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL))),
  CONSTRAINT jobs_check1 CHECK (((status = 'failed'::text) = (error IS NOT NULL))),
  CONSTRAINT jobs_check2 CHECK (((status <> ALL (ARRAY['running'::text, 'succeeded'::text])) OR (started_at IS NOT NULL))),
  CONSTRAINT jobs_check3 CHECK (((finished_at IS NULL) OR (lease_owner IS NULL))),
  CONSTRAINT jobs_check4 CHECK (((lease_owner IS NULL) = (lease_until IS NULL))),
  CONSTRAINT jobs_check5 CHECK (((provider_task_id IS NULL) OR (provider_create_at IS NOT NULL))),
  CONSTRAINT jobs_credits_check CHECK ((credits >= 0)),
  CONSTRAINT jobs_kind_check CHECK ((kind = ANY (ARRAY['comfy'::text, 'tool'::text]))),
  CONSTRAINT jobs_progress_percent_check CHECK (((progress_percent >= (0)::double precision) AND (progress_percent <= (100)::double precision))),
  CONSTRAINT jobs_starts_check CHECK (((starts >= 0) AND (starts <= 3))),
  CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text]))),
  CONSTRAINT jobs_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES instances(id),
  CONSTRAINT jobs_retry_of_fkey FOREIGN KEY (retry_of) REFERENCES jobs(id),
  CONSTRAINT jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id),
  CONSTRAINT jobs_yield_to_fkey FOREIGN KEY (yield_to) REFERENCES instances(id)
);
CREATE INDEX jobs_leased ON public.jobs USING btree (lease_until) WHERE (lease_owner IS NOT NULL);
CREATE INDEX jobs_of_instance ON public.jobs USING btree (instance_id) WHERE (finished_at IS NULL);
CREATE UNIQUE INDEX jobs_of_provider_task ON public.jobs USING btree (provider_task_id) WHERE (provider_task_id IS NOT NULL);
CREATE INDEX jobs_of_user ON public.jobs USING btree (user_id, created_at DESC, id DESC);
CREATE INDEX jobs_run_times ON public.jobs USING btree (workflow, finished_at DESC) WHERE (status = 'succeeded'::text);
CREATE INDEX jobs_to_expire ON public.jobs USING btree (queue_expires_at) WHERE (status = 'queued'::text);
CREATE INDEX jobs_to_pick ON public.jobs USING btree (kind, turn, sequence) WHERE ((status = 'queued'::text) AND (lease_owner IS NULL));
CREATE INDEX jobs_waiting ON public.jobs USING btree (kind, turn, sequence) WHERE (status = 'queued'::text);
CREATE TRIGGER jobs_final BEFORE UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((old.finished_at IS NOT NULL) AND (new.status IS DISTINCT FROM old.status))) EXECUTE FUNCTION refuse_leaving_a_final_state();

CREATE TABLE login_codes (
  code_hash bytea NOT NULL,
  user_id uuid NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT login_codes_pkey PRIMARY KEY (code_hash),
  CONSTRAINT login_codes_code_hash_check CHECK ((length(code_hash) = 32)),
  CONSTRAINT login_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);

CREATE TABLE mail_pace (
  name text NOT NULL,
  next_at timestamp with time zone NOT NULL,
  CONSTRAINT mail_pace_pkey PRIMARY KEY (name)
);

CREATE TABLE migrations (
  id integer DEFAULT nextval('migrations_id_seq'::regclass) NOT NULL,
  "timestamp" bigint NOT NULL,
  name character varying NOT NULL,
  CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY (id)
);

CREATE TABLE outbox (
  id uuid NOT NULL,
  sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  topic text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  available_at timestamp with time zone DEFAULT now() NOT NULL,
  attempts integer DEFAULT 0 NOT NULL,
  last_error text,
  CONSTRAINT outbox_pkey PRIMARY KEY (id)
);
CREATE INDEX outbox_by_topic ON public.outbox USING btree (topic, sequence);

CREATE UNLOGGED TABLE rate_limits (
  key character varying(255) NOT NULL,
  points integer DEFAULT 0 NOT NULL,
  expire bigint,
  CONSTRAINT rate_limits_pkey PRIMARY KEY (key)
);

CREATE TABLE refresh_tokens (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  session_id uuid NOT NULL,
  parent_id uuid,
  token_hash bytea NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id),
  CONSTRAINT refresh_tokens_token_hash_key UNIQUE (token_hash),
  CONSTRAINT refresh_tokens_token_hash_check CHECK ((length(token_hash) = 32)),
  CONSTRAINT refresh_tokens_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES refresh_tokens(id) ON DELETE CASCADE,
  CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_by_parent ON public.refresh_tokens USING btree (parent_id);
CREATE INDEX refresh_tokens_by_session ON public.refresh_tokens USING btree (session_id);

CREATE TABLE sessions (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  user_id uuid NOT NULL,
  method text NOT NULL,
  ip text,
  user_agent text,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  last_used_at timestamp with time zone DEFAULT now() NOT NULL,
  idle_expires_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  end_reason text,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_check CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
  CONSTRAINT sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['logout'::text, 'replay'::text, 'password'::text, 'suspended'::text, 'erased'::text, 'ended'::text, 'replaced'::text]))),
  CONSTRAINT sessions_method_check CHECK ((method = ANY (ARRAY['password'::text, 'verification'::text, 'google'::text]))),
  CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX sessions_by_expiry ON public.sessions USING btree (idle_expires_at);
CREATE INDEX sessions_open_by_user ON public.sessions USING btree (user_id) WHERE (ended_at IS NULL);

CREATE TABLE suppressed_addresses (
  address text NOT NULL,
  reason text NOT NULL,
  detail text,
  email_id uuid,
  created_at timestamp(3) with time zone DEFAULT now() NOT NULL,
  CONSTRAINT suppressed_addresses_pkey PRIMARY KEY (address),
  CONSTRAINT suppressed_addresses_reason_check CHECK ((reason = ANY (ARRAY['bounce'::text, 'complaint'::text])))
);

CREATE TABLE turn_clocks (
  kind text NOT NULL,
  turn bigint DEFAULT 0 NOT NULL,
  CONSTRAINT turn_clocks_pkey PRIMARY KEY (kind)
);

CREATE TABLE turns (
  kind text NOT NULL,
  user_id uuid NOT NULL,
  last_turn bigint NOT NULL,
  CONSTRAINT turns_pkey PRIMARY KEY (kind, user_id)
);

CREATE TABLE users (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  email text,
  name text,
  role text DEFAULT 'user'::text NOT NULL,
  status text DEFAULT 'active'::text NOT NULL,
  password_hash text,
  email_verified_at timestamp with time zone,
  result_mails text DEFAULT 'all'::text NOT NULL,
  created_at timestamp(3) with time zone DEFAULT now() NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  suspended_at timestamp with time zone,
  erased_at timestamp with time zone,
  CONSTRAINT users_pkey PRIMARY KEY (id),
  CONSTRAINT users_check CHECK (((status = 'erased'::text) = (email IS NULL))),
  CONSTRAINT users_check1 CHECK (((status = 'erased'::text) = (erased_at IS NOT NULL))),
  CONSTRAINT users_check2 CHECK (((status <> 'suspended'::text) OR (suspended_at IS NOT NULL))),
  CONSTRAINT users_check3 CHECK (((status <> 'erased'::text) OR ((name IS NULL) AND (password_hash IS NULL)))),
  CONSTRAINT users_email_check CHECK ((length(email) <= 254)),
  CONSTRAINT users_name_check CHECK ((length(name) <= 100)),
  CONSTRAINT users_result_mails_check CHECK ((result_mails = ANY (ARRAY['all'::text, 'success'::text, 'none'::text]))),
  CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['user'::text, 'admin'::text]))),
  CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'erased'::text])))
);
CREATE INDEX users_by_age ON public.users USING btree (created_at, id);
CREATE UNIQUE INDEX users_by_email ON public.users USING btree (email);
