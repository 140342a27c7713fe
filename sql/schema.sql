-- Written by the schema's guard test from the catalog after all migrations. Not applied by anything.

CREATE TABLE api_token (
  token_id text NOT NULL,
  token_sha256 text NOT NULL,
  role text NOT NULL,
  dags text[] NOT NULL,
  note text NOT NULL DEFAULT ''::text,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone,
  CONSTRAINT api_token_pkey PRIMARY KEY (token_id),
  CONSTRAINT api_token_token_sha256_key UNIQUE (token_sha256)
);

CREATE TABLE approval_link (
  token_sha256 text NOT NULL,
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  task_id text NOT NULL,
  try_number integer NOT NULL,
  receiver text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT approval_link_pkey PRIMARY KEY (token_sha256)
);

CREATE TABLE asset_event (
  event_id bigint GENERATED ALWAYS AS IDENTITY,
  asset text NOT NULL,
  at timestamp with time zone NOT NULL,
  run_id uuid,
  dag_id text,
  dag_run_id text,
  task_id text,
  by text NOT NULL,
  extra jsonb NOT NULL,
  CONSTRAINT asset_event_pkey PRIMARY KEY (event_id),
  CONSTRAINT asset_event_check CHECK ((run_id IS NULL) = (dag_id IS NULL AND dag_run_id IS NULL AND task_id IS NULL))
);

CREATE TABLE asset_queue (
  dag_id text NOT NULL,
  asset text NOT NULL,
  updates integer NOT NULL,
  newest jsonb NOT NULL,
  CONSTRAINT asset_queue_pkey PRIMARY KEY (dag_id, asset)
);

CREATE TABLE attempt (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  try_number integer NOT NULL,
  state text NOT NULL,
  operator text NOT NULL,
  connection text NOT NULL,
  launch_key text NOT NULL,
  params_hash text NOT NULL,
  intent_at timestamp with time zone NOT NULL,
  send_by timestamp with time zone NOT NULL,
  submit_at timestamp with time zone NOT NULL,
  pushbacks integer NOT NULL,
  doubt_at timestamp with time zone,
  ever_in_doubt boolean NOT NULL,
  ref jsonb,
  submitted_at timestamp with time zone,
  ended_at timestamp with time zone,
  ending jsonb,
  failure_class text,
  failure_code text,
  failure_message text,
  search_at timestamp with time zone,
  duplicates jsonb,
  settle_at timestamp with time zone,
  log_tail jsonb,
  links jsonb,
  CONSTRAINT attempt_pkey PRIMARY KEY (run_id, task_no, map_index, try_number),
  CONSTRAINT attempt_ended CHECK ((state <> ALL (ARRAY['succeeded'::text, 'failed'::text])) OR ended_at IS NOT NULL),
  CONSTRAINT attempt_failed CHECK (state <> 'failed'::text OR failure_class IS NOT NULL),
  CONSTRAINT attempt_failure CHECK (num_nulls(failure_class, failure_code, failure_message) = ANY (ARRAY[0, 3])),
  CONSTRAINT attempt_open CHECK (state <> 'open'::text OR ended_at IS NULL)
) PARTITION BY RANGE (run_id);

CREATE TABLE audit (
  audit_no bigint GENERATED ALWAYS AS IDENTITY,
  at timestamp with time zone NOT NULL,
  action text NOT NULL,
  by text NOT NULL,
  from_where text,
  dag_id text,
  run_id uuid,
  task_id text,
  details jsonb NOT NULL,
  result text NOT NULL,
  CONSTRAINT audit_pkey PRIMARY KEY (audit_no)
);

CREATE TABLE backfill (
  backfill_id uuid NOT NULL,
  dag_id text NOT NULL,
  from_date date NOT NULL,
  to_date date NOT NULL,
  max_active_runs integer NOT NULL,
  reprocess text NOT NULL,
  conf jsonb NOT NULL,
  state text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  completed_at timestamp with time zone,
  backfill_no bigint GENERATED ALWAYS AS IDENTITY,
  from_at timestamp with time zone,
  to_at timestamp with time zone,
  runs_backwards boolean NOT NULL DEFAULT false,
  only_tasks jsonb,
  is_paused boolean NOT NULL DEFAULT false,
  updated_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT backfill_pkey PRIMARY KEY (backfill_id),
  CONSTRAINT backfill_number UNIQUE (backfill_no),
  CONSTRAINT backfill_dag_id_fkey FOREIGN KEY (dag_id) REFERENCES dag(dag_id),
  CONSTRAINT backfill_completed CHECK ((state = 'active'::text) = (completed_at IS NULL))
);

CREATE TABLE command (
  id bigint GENERATED ALWAYS AS IDENTITY,
  state text NOT NULL DEFAULT 'pending'::text,
  body jsonb NOT NULL,
  result jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamp with time zone,
  CONSTRAINT command_pkey PRIMARY KEY (id),
  CONSTRAINT command_ended CHECK ((state = 'pending'::text) = (ended_at IS NULL)),
  CONSTRAINT command_result CHECK ((state = 'applied'::text) = (result IS NOT NULL))
) WITH (autovacuum_vacuum_cost_delay=0);

CREATE TABLE dag (
  dag_id text NOT NULL,
  file text NOT NULL,
  is_paused boolean NOT NULL,
  is_stale boolean NOT NULL DEFAULT false,
  scheduled_until timestamp with time zone,
  next_due_at timestamp with time zone,
  failed_runs integer NOT NULL DEFAULT 0,
  CONSTRAINT dag_pkey PRIMARY KEY (dag_id)
);

CREATE TABLE dag_file (
  sha256 text NOT NULL,
  bytes bytea NOT NULL,
  CONSTRAINT dag_file_pkey PRIMARY KEY (sha256)
);

CREATE TABLE dag_run (
  run_id uuid NOT NULL,
  dag_id text NOT NULL,
  dag_run_id text NOT NULL,
  run_type text NOT NULL,
  logical_at timestamp with time zone,
  interval_start_at timestamp with time zone,
  interval_end_at timestamp with time zone,
  run_after_at timestamp with time zone NOT NULL,
  version_id uuid NOT NULL,
  backfill_id uuid,
  conf jsonb NOT NULL,
  state text NOT NULL,
  queued_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  triggered_by text NOT NULL,
  quarantine text,
  ending jsonb,
  budget_level text NOT NULL DEFAULT 'ok'::text,
  note text,
  only_tasks jsonb,
  concurrency_key text,
  is_reopened boolean NOT NULL DEFAULT false,
  parent_run_id uuid,
  depth integer NOT NULL DEFAULT 0,
  CONSTRAINT dag_run_pkey PRIMARY KEY (run_id),
  CONSTRAINT dag_run_version_id_fkey FOREIGN KEY (version_id) REFERENCES dag_version(version_id),
  CONSTRAINT dag_run_ended CHECK ((state <> ALL (ARRAY['success'::text, 'failed'::text])) OR ended_at IS NOT NULL),
  CONSTRAINT dag_run_queued CHECK (state <> 'queued'::text OR started_at IS NULL AND ended_at IS NULL),
  CONSTRAINT dag_run_running CHECK (state <> 'running'::text OR started_at IS NOT NULL AND ended_at IS NULL)
) PARTITION BY RANGE (run_id);

CREATE TABLE dag_task (
  dag_id text NOT NULL,
  task_id text NOT NULL,
  task_no integer NOT NULL,
  CONSTRAINT dag_task_pkey PRIMARY KEY (dag_id, task_id),
  CONSTRAINT dag_task_dag_id_task_no_key UNIQUE (dag_id, task_no),
  CONSTRAINT dag_task_dag_id_fkey FOREIGN KEY (dag_id) REFERENCES dag(dag_id)
);

CREATE TABLE dag_version (
  version_id uuid NOT NULL,
  dag_id text NOT NULL,
  version_number integer NOT NULL,
  hash text NOT NULL,
  spec json NOT NULL,
  source text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dag_version_pkey PRIMARY KEY (version_id),
  CONSTRAINT dag_version_dag_id_version_number_key UNIQUE (dag_id, version_number),
  CONSTRAINT dag_version_dag_id_fkey FOREIGN KEY (dag_id) REFERENCES dag(dag_id)
);

CREATE TABLE dag_version_file (
  version_id uuid NOT NULL,
  path text NOT NULL,
  sha256 text NOT NULL,
  CONSTRAINT dag_version_file_pkey PRIMARY KEY (version_id, path),
  CONSTRAINT dag_version_file_sha256_fkey FOREIGN KEY (sha256) REFERENCES dag_file(sha256),
  CONSTRAINT dag_version_file_version_id_fkey FOREIGN KEY (version_id) REFERENCES dag_version(version_id)
);

CREATE TABLE deadline (
  dag_id text NOT NULL,
  due_at timestamp with time zone NOT NULL,
  rule text NOT NULL,
  deadline_at timestamp with time zone NOT NULL,
  run_id uuid,
  state text NOT NULL,
  decided_at timestamp with time zone,
  CONSTRAINT deadline_pkey PRIMARY KEY (dag_id, due_at, rule),
  CONSTRAINT deadline_dag_id_fkey FOREIGN KEY (dag_id) REFERENCES dag(dag_id),
  CONSTRAINT deadline_decided CHECK ((state = 'pending'::text) = (decided_at IS NULL))
);

CREATE TABLE delivery (
  message_id text NOT NULL,
  try_number integer NOT NULL,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  outcome text NOT NULL,
  response text NOT NULL,
  CONSTRAINT delivery_pkey PRIMARY KEY (message_id, try_number),
  CONSTRAINT delivery_message_id_fkey FOREIGN KEY (message_id) REFERENCES outbox(message_id)
);

CREATE TABLE expansion (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  items jsonb NOT NULL,
  labels jsonb,
  CONSTRAINT expansion_pkey PRIMARY KEY (run_id, task_no, map_index)
) PARTITION BY RANGE (run_id);

CREATE TABLE frozen_params (
  hash text NOT NULL,
  params json NOT NULL,
  CONSTRAINT frozen_params_pkey PRIMARY KEY (hash)
);

CREATE TABLE import_error (
  file text NOT NULL,
  problems jsonb NOT NULL,
  seen_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT import_error_pkey PRIMARY KEY (file)
);

CREATE TABLE installation (
  only_row boolean NOT NULL DEFAULT true,
  installation_id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT installation_pkey PRIMARY KEY (only_row),
  CONSTRAINT installation_only_row_check CHECK (only_row)
);

CREATE TABLE ledger (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  try_number integer NOT NULL,
  usage_kind text NOT NULL,
  kind text NOT NULL,
  entry_no bigint GENERATED ALWAYS AS IDENTITY,
  quantity numeric NOT NULL,
  unit text NOT NULL,
  unit_price numeric NOT NULL,
  amount numeric NOT NULL,
  currency text NOT NULL,
  price_source text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT ledger_pkey PRIMARY KEY (run_id, task_no, map_index, try_number, usage_kind, kind, entry_no)
) PARTITION BY RANGE (run_id);

CREATE TABLE orphan_params (
  hash text NOT NULL,
  CONSTRAINT orphan_params_pkey PRIMARY KEY (hash)
);

CREATE TABLE outbox (
  message_id text NOT NULL,
  kind text NOT NULL,
  receiver text NOT NULL,
  payload jsonb NOT NULL,
  state text NOT NULL DEFAULT 'pending'::text,
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamp with time zone,
  subject text NOT NULL DEFAULT ''::text,
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  last_code text,
  last_error text,
  CONSTRAINT outbox_pkey PRIMARY KEY (message_id),
  CONSTRAINT outbox_ended CHECK ((state = 'pending'::text) = (ended_at IS NULL)),
  CONSTRAINT outbox_pending CHECK ((state = 'pending'::text) = (next_try_at IS NOT NULL))
);

CREATE TABLE output (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  try_number integer NOT NULL,
  output jsonb NOT NULL,
  CONSTRAINT output_pkey PRIMARY KEY (run_id, task_no, map_index, try_number)
) PARTITION BY RANGE (run_id);

CREATE TABLE partition_state (
  month text NOT NULL,
  from_id uuid NOT NULL,
  to_id uuid NOT NULL,
  until_at timestamp with time zone NOT NULL,
  state text NOT NULL DEFAULT 'open'::text,
  closing_at timestamp with time zone,
  summed_at timestamp with time zone,
  export jsonb,
  gone_at timestamp with time zone,
  CONSTRAINT partition_state_pkey PRIMARY KEY (month),
  CONSTRAINT partition_state_closing CHECK ((state = 'open'::text) = (closing_at IS NULL)),
  CONSTRAINT partition_state_gone CHECK ((state = 'gone'::text) = (gone_at IS NOT NULL) AND (state <> 'gone'::text OR export IS NOT NULL))
);

CREATE TABLE pool (
  pool text NOT NULL,
  slots integer NOT NULL,
  CONSTRAINT pool_pkey PRIMARY KEY (pool)
);

CREATE TABLE request_key (
  idempotency_key text NOT NULL,
  body_sha256 text NOT NULL,
  run_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT request_key_pkey PRIMARY KEY (idempotency_key)
);

CREATE TABLE run_key (
  run_id uuid NOT NULL,
  dag_id text NOT NULL,
  dag_run_id text NOT NULL,
  logical_at timestamp with time zone,
  CONSTRAINT run_key_pkey PRIMARY KEY (run_id),
  CONSTRAINT run_key_dag_id_dag_run_id_key UNIQUE (dag_id, dag_run_id),
  CONSTRAINT run_key_dag_id_logical_at_key UNIQUE (dag_id, logical_at)
);

CREATE TABLE run_summary (
  run_id uuid NOT NULL,
  dag_id text NOT NULL,
  dag_run_id text NOT NULL,
  run_type text NOT NULL,
  logical_at timestamp with time zone,
  backfill_id uuid,
  state text NOT NULL,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  usage jsonb NOT NULL,
  CONSTRAINT run_summary_pkey PRIMARY KEY (run_id)
);

CREATE TABLE state_history (
  run_id uuid NOT NULL,
  entry_no bigint GENERATED ALWAYS AS IDENTITY,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  from_state text NOT NULL,
  to_state text NOT NULL,
  why text NOT NULL,
  by text NOT NULL,
  at timestamp with time zone NOT NULL,
  CONSTRAINT state_history_pkey PRIMARY KEY (run_id, entry_no)
) PARTITION BY RANGE (run_id);

CREATE TABLE task_instance (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  state text NOT NULL,
  try_number integer NOT NULL,
  max_try integer NOT NULL,
  started_at timestamp with time zone,
  ended_at timestamp with time zone,
  retry_at timestamp with time zone,
  CONSTRAINT task_instance_pkey PRIMARY KEY (run_id, task_no, map_index),
  CONSTRAINT task_instance_ended CHECK ((state = ANY (ARRAY['success'::text, 'failed'::text, 'upstream_failed'::text, 'skipped'::text, 'removed'::text])) = (ended_at IS NOT NULL)),
  CONSTRAINT task_instance_retry CHECK (state <> 'up_for_retry'::text OR retry_at IS NOT NULL),
  CONSTRAINT task_instance_running CHECK (state <> 'running'::text OR started_at IS NOT NULL)
) PARTITION BY RANGE (run_id);

CREATE TABLE task_note (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  note text NOT NULL,
  CONSTRAINT task_note_pkey PRIMARY KEY (run_id, task_no, map_index)
) PARTITION BY RANGE (run_id);

CREATE TABLE variable (
  name text NOT NULL,
  value jsonb NOT NULL,
  description text,
  updated_at timestamp with time zone NOT NULL,
  CONSTRAINT variable_pkey PRIMARY KEY (name)
);

CREATE TABLE writer (
  only_row boolean NOT NULL DEFAULT true,
  epoch bigint NOT NULL,
  owner text,
  expires_at timestamp with time zone NOT NULL,
  protocol integer NOT NULL,
  CONSTRAINT writer_pkey PRIMARY KEY (only_row),
  CONSTRAINT writer_only_row_check CHECK (only_row)
) WITH (fillfactor=50);

CREATE INDEX asset_event_newest ON asset_event USING btree (asset, event_id DESC);

CREATE INDEX attempt_owing ON ONLY attempt USING btree (run_id) WHERE ending IS NOT NULL OR settle_at IS NOT NULL OR search_at IS NOT NULL OR duplicates IS NOT NULL;

CREATE INDEX audit_at ON audit USING btree (at);

CREATE INDEX audit_of_dag ON audit USING btree (dag_id, audit_no);

CREATE INDEX audit_of_run ON audit USING btree (run_id, audit_no) WHERE run_id IS NOT NULL;

CREATE INDEX backfill_active ON backfill USING btree (backfill_id) WHERE state = 'active'::text;

CREATE INDEX command_pending ON command USING btree (id) WHERE state = 'pending'::text;

CREATE INDEX dag_run_active ON ONLY dag_run USING btree (run_id) WHERE state = ANY (ARRAY['queued'::text, 'running'::text]);

CREATE INDEX dag_run_failed ON ONLY dag_run USING btree (run_id) WHERE state = 'failed'::text;

CREATE INDEX dag_run_of_backfill ON ONLY dag_run USING btree (backfill_id, run_id) WHERE backfill_id IS NOT NULL;

CREATE INDEX dag_run_of_dag ON ONLY dag_run USING btree (dag_id, run_id);

CREATE INDEX dag_version_of_assets ON dag_version USING btree (dag_id) WHERE (spec ->> 'onAssets'::text) IS NOT NULL OR jsonb_path_exists(spec::jsonb, '$."tasks"[*]."produces"[0]'::jsonpath);

CREATE INDEX dag_version_unscheduled ON dag_version USING btree (dag_id, version_number) WHERE (spec ->> 'schedule'::text) IS NULL;

CREATE INDEX deadline_missed ON deadline USING btree (deadline_at) WHERE state = 'missed'::text;

CREATE INDEX deadline_pending ON deadline USING btree (deadline_at) WHERE state = 'pending'::text;

CREATE UNIQUE INDEX ledger_accrued ON ONLY ledger USING btree (run_id, task_no, map_index, try_number, usage_kind) WHERE kind = 'accrued'::text;

CREATE INDEX outbox_pending_first ON outbox USING btree (next_try_at) WHERE state = 'pending'::text;

CREATE INDEX request_key_age ON request_key USING btree (created_at);

CREATE INDEX run_summary_of_backfill ON run_summary USING btree (backfill_id) WHERE backfill_id IS NOT NULL;

CREATE INDEX run_summary_of_dag ON run_summary USING btree (dag_id, run_id);

-- VIEW booked (
--   run_id uuid,
--   task_no integer,
--   map_index integer,
--   try_number integer,
--   usage_kind text,
--   kind text,
--   entry_no bigint,
--   quantity numeric,
--   unit text,
--   unit_price numeric,
--   amount numeric,
--   currency text,
--   price_source text,
--   at timestamp with time zone
-- )

CREATE OR REPLACE FUNCTION assert_rows(what text, expected bigint, counted bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF counted IS DISTINCT FROM expected THEN
    RAISE EXCEPTION USING ERRCODE = 'NC001', MESSAGE = format('%s: %s of %s rows as expected', what, counted, expected);
  END IF;
END
$function$

CREATE OR REPLACE FUNCTION attach_month(parent text, of partition_state)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  partition text := parent || '_' || of.month;
BEGIN
  PERFORM make_partition_table(parent, partition);
  -- Rows that came before their month was made. No statement passes between: the lock is exclusive.
  EXECUTE format('LOCK TABLE %I_rest IN ACCESS EXCLUSIVE MODE', parent);
  EXECUTE format(
    'WITH moved AS (DELETE FROM %I_rest WHERE run_id >= %L AND run_id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
    parent, of.from_id, of.to_id, partition);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, of.from_id, of.to_id);
END
$function$

CREATE OR REPLACE FUNCTION instant(ms double precision)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN to_timestamp((ms / (1000.0)::double precision))

CREATE OR REPLACE FUNCTION make_month(at timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
  first_day timestamptz := date_trunc('month', at, 'UTC');
  made partition_state;
  parent text;
BEGIN
  made.month := to_char(first_day AT TIME ZONE 'UTC', 'YYYY_MM');
  made.until_at := date_trunc('month', first_day + interval '40 days', 'UTC');
  made.from_id := run_id_from(first_day);
  made.to_id := run_id_from(made.until_at);
  made.state := 'open';
  IF EXISTS (SELECT FROM partition_state WHERE from_id < made.to_id AND to_id > made.from_id) THEN
    RETURN false;
  END IF;
  INSERT INTO partition_state SELECT made.*;
  FOR parent IN SELECT partitioned_tables() LOOP
    PERFORM attach_month(parent, made);
  END LOOP;
  RETURN true;
END
$function$

CREATE OR REPLACE FUNCTION make_partition_table(parent text, partition text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  settings text;
BEGIN
  SELECT array_to_string(reloptions, ', ') INTO settings FROM pg_class WHERE oid = format('%I_rest', parent)::regclass;
  EXECUTE format('CREATE TABLE %I (LIKE %I_rest INCLUDING ALL EXCLUDING IDENTITY)', partition, parent)
    || coalesce(' WITH (' || settings || ')', '');
END
$function$

CREATE OR REPLACE FUNCTION partition_by_run(parent text, first_until uuid DEFAULT NULL::uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  old text := parent || CASE WHEN first_until IS NULL THEN '_rest' ELSE '_first' END;
  source oid := parent::regclass;
  remade text[];
  generated record;
  thing record;
  said text := obj_description(source, 'pg_class');
BEGIN
  -- What LIKE leaves out, or names anew: keys, indexes, foreign keys, triggers.
  SELECT array_agg(text ORDER BY rank, name) INTO remade FROM (
    SELECT 1 AS rank, conname AS name, format('ALTER TABLE %I ADD CONSTRAINT %I %s', parent, conname, pg_get_constraintdef(oid)) AS text
    FROM pg_constraint WHERE conrelid = source AND contype IN ('p', 'u', 'f')
    UNION ALL
    SELECT 2, c.relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
    WHERE indrelid = source AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL
    SELECT 3, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = source AND NOT tgisinternal
  ) AS part;
  FOR thing IN SELECT tgname FROM pg_trigger WHERE tgrelid = source AND NOT tgisinternal LOOP
    EXECUTE format('DROP TRIGGER %I ON %I', thing.tgname, parent);
  END LOOP;
  -- A partition may not count by itself: the parent goes on from there.
  SELECT attname, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS kind,
         nextval(pg_get_serial_sequence(parent, attname)) AS next
  INTO generated FROM pg_attribute WHERE attrelid = source AND attidentity <> '' AND NOT attisdropped;
  IF FOUND THEN
    EXECUTE format('ALTER TABLE %I ALTER %I DROP IDENTITY', parent, generated.attname);
  END IF;
  FOR thing IN SELECT c.relname FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid WHERE indrelid = source LOOP
    EXECUTE format('ALTER INDEX %I RENAME TO %I', thing.relname, old || substr(thing.relname, length(parent) + 1));
  END LOOP;
  EXECUTE format('ALTER TABLE %I RENAME TO %I', parent, old);
  EXECUTE format(
    'CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY) PARTITION BY RANGE (run_id)', parent, old);
  IF generated.attname IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %I ALTER %I ADD GENERATED %s AS IDENTITY (START WITH %s)',
                   parent, generated.attname, generated.kind, generated.next);
  END IF;
  FOREACH said IN ARRAY remade LOOP
    EXECUTE said;
  END LOOP;
  EXECUTE format('COMMENT ON TABLE %I IS %L', parent, obj_description(source, 'pg_class'));
  IF first_until IS NOT NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', parent || '_rest', old)
      || coalesce((SELECT ' WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = source), '');
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', parent, old, first_until);
  END IF;
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', parent, parent || '_rest');
  FOR thing IN SELECT * FROM partition_state WHERE state = 'open' AND month <> 'first' LOOP
    PERFORM attach_month(parent, (SELECT p FROM partition_state AS p WHERE p.month = thing.month));
  END LOOP;
END
$function$

CREATE OR REPLACE FUNCTION partitioned_tables()
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
AS $function$
  SELECT relname::text FROM pg_partitioned_table JOIN pg_class ON oid = partrelid
  WHERE relnamespace = current_schema()::regnamespace ORDER BY relname
$function$

CREATE OR REPLACE FUNCTION refuse_closing()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'NC001', MESSAGE = format('%s is closing for the archive: its runs change no more', TG_TABLE_NAME);
END
$function$

CREATE OR REPLACE FUNCTION run_id_at(run_id uuid)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN ((substr((run_id)::text, 15, 1) = '7'::text) AND (run_id < '0b000000-0000-0000-0000-000000000000'::uuid)) THEN to_timestamp((((((('x'::text || lpad(replace(substr((run_id)::text, 1, 13), '-'::text, ''::text), 16, '0'::text)))::bit(64))::bigint)::numeric / 1000.0))::double precision) ELSE NULL::timestamp with time zone END

CREATE OR REPLACE FUNCTION run_id_from(at timestamp with time zone)
 RETURNS uuid
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN ((substr(lpad(to_hex((floor((EXTRACT(epoch FROM at) * (1000)::numeric)))::bigint), 12, '0'::text), 1, 12) || repeat('0'::text, 20)))::uuid
