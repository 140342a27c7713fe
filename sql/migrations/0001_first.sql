-- The tables of one fleet, in its own schema (the migrator sets search_path to it).
-- Kind: expand. Everything here follows the protocol; where a column waits for a later part of the product it is null until then.
--
-- Not here, because the protocol does not bind their shape yet: asset, asset_event, app_user, api_token, web_session, audit,
-- variable, price, reservation, budget_use, task_statistics, sla_miss, delivery, log_chunk.
-- Tables that will leave by partition (dag_run, task_instance, attempt and what hangs on them) have run_id, which is
-- time-ordered, at the head of every key: a partitioned parent attaches today's table as its first partition.
-- Nothing references task_instance. CHECKs only tie a state to what must or must not be null.

CREATE FUNCTION instant(ms double precision) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN to_timestamp(ms / 1000.0);
COMMENT ON FUNCTION instant IS 'Epoch milliseconds, as the engine counts, to timestamptz.';

CREATE FUNCTION assert_rows(what text, expected bigint, counted bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF counted IS DISTINCT FROM expected THEN
    RAISE EXCEPTION USING ERRCODE = 'NC001', MESSAGE = format('%s: %s of %s rows as expected', what, counted, expected);
  END IF;
END
$$;
COMMENT ON FUNCTION assert_rows IS 'Ends a flush before COMMIT when its rows were not as the writer remembers them.';

CREATE TABLE installation (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  installation_id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE installation IS 'Made with the database; part of every launch key.';
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE writer (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  epoch bigint NOT NULL,
  owner text,
  expires_at timestamptz NOT NULL,
  protocol integer NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE writer IS 'Who may change state. Taken by epoch + 1; every flush begins by locking it.';
INSERT INTO writer (epoch, expires_at, protocol) VALUES (0, '-infinity', 0);

CREATE TABLE dag (
  dag_id text PRIMARY KEY,
  file text NOT NULL,
  is_paused boolean NOT NULL,
  is_stale boolean NOT NULL DEFAULT false,
  -- Moved in the flush that makes a scheduled run: the scheduler never asks which runs exist.
  scheduled_until timestamptz,
  next_due_at timestamptz
);

CREATE TABLE dag_version (
  version_id uuid PRIMARY KEY,
  dag_id text NOT NULL REFERENCES dag,
  version_number integer NOT NULL,
  hash text NOT NULL,
  -- json, not jsonb: the order of keys is the author's.
  spec json NOT NULL,
  source text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (dag_id, version_number)
);

CREATE TABLE dag_task (
  dag_id text NOT NULL REFERENCES dag,
  task_id text NOT NULL,
  task_no integer NOT NULL,
  PRIMARY KEY (dag_id, task_id),
  UNIQUE (dag_id, task_no)
);
COMMENT ON TABLE dag_task IS 'Numbers of tasks: given once, never reused; only grows.';

CREATE TABLE dag_file (
  sha256 text PRIMARY KEY,
  bytes bytea NOT NULL
);
COMMENT ON TABLE dag_file IS 'Every file that a version names; submit reads only these.';

CREATE TABLE dag_version_file (
  version_id uuid NOT NULL REFERENCES dag_version,
  path text NOT NULL,
  sha256 text NOT NULL REFERENCES dag_file,
  PRIMARY KEY (version_id, path)
);

CREATE TABLE pool (
  pool text PRIMARY KEY,
  slots integer NOT NULL
);

CREATE TABLE backfill (
  backfill_id uuid PRIMARY KEY,
  dag_id text NOT NULL REFERENCES dag,
  from_date date NOT NULL,
  to_date date NOT NULL,
  max_active_runs integer NOT NULL,
  reprocess text NOT NULL,
  conf jsonb NOT NULL,
  state text NOT NULL,
  created_at timestamptz NOT NULL,
  completed_at timestamptz,
  CONSTRAINT backfill_completed CHECK ((state = 'active') = (completed_at IS NULL))
);
CREATE INDEX backfill_active ON backfill (backfill_id) WHERE state = 'active';

CREATE TABLE run_key (
  run_id uuid PRIMARY KEY,
  dag_id text NOT NULL,
  dag_run_id text NOT NULL,
  logical_at timestamptz,
  UNIQUE (dag_id, dag_run_id),
  UNIQUE (dag_id, logical_at)
);
COMMENT ON TABLE run_key IS 'Both of Airflow''s uniques, nulls distinct. Never partitioned, never archived.';

CREATE TABLE request_key (
  idempotency_key text PRIMARY KEY,
  body_sha256 text NOT NULL,
  run_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX request_key_age ON request_key (created_at);
COMMENT ON TABLE request_key IS 'Idempotency-Key of a trigger; kept 7 days.';

CREATE TABLE dag_run (
  run_id uuid PRIMARY KEY,
  dag_id text NOT NULL,
  dag_run_id text NOT NULL,
  run_type text NOT NULL,
  logical_at timestamptz,
  interval_start_at timestamptz,
  interval_end_at timestamptz,
  run_after_at timestamptz NOT NULL,
  version_id uuid NOT NULL REFERENCES dag_version,
  backfill_id uuid,
  conf jsonb NOT NULL,
  state text NOT NULL,
  queued_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  triggered_by text NOT NULL,
  quarantine text,
  -- {cause, then, by, at}: the decision to end the run.
  ending jsonb,
  CONSTRAINT dag_run_queued CHECK (state <> 'queued' OR (started_at IS NULL AND ended_at IS NULL)),
  CONSTRAINT dag_run_running CHECK (state <> 'running' OR (started_at IS NOT NULL AND ended_at IS NULL)),
  CONSTRAINT dag_run_ended CHECK (state NOT IN ('success', 'failed') OR ended_at IS NOT NULL)
);
CREATE INDEX dag_run_of_dag ON dag_run (dag_id, run_id);
CREATE INDEX dag_run_of_backfill ON dag_run (backfill_id, run_id) WHERE backfill_id IS NOT NULL;
CREATE INDEX dag_run_active ON dag_run (run_id) WHERE state IN ('queued', 'running');

CREATE TABLE task_instance (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  state text NOT NULL,
  try_number integer NOT NULL,
  max_try integer NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  retry_at timestamptz,
  PRIMARY KEY (run_id, task_no, map_index),
  CONSTRAINT task_instance_ended CHECK (
    (state IN ('success', 'failed', 'upstream_failed', 'skipped', 'removed')) = (ended_at IS NOT NULL)
  ),
  CONSTRAINT task_instance_running CHECK (state <> 'running' OR started_at IS NOT NULL),
  CONSTRAINT task_instance_retry CHECK (state <> 'up_for_retry' OR retry_at IS NOT NULL)
) WITH (fillfactor = 65, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE task_instance IS
  'Narrow and HOT: no index may name a column that changes (non-HOT updates cost three times the WAL).';

CREATE TABLE frozen_params (
  hash text PRIMARY KEY,
  -- json, not jsonb: a resubmit sends the same bytes.
  params json NOT NULL
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
  params_hash text NOT NULL REFERENCES frozen_params,
  intent_at timestamptz NOT NULL,
  send_by timestamptz NOT NULL,
  submit_at timestamptz NOT NULL,
  pushbacks integer NOT NULL,
  doubt_at timestamptz,
  ever_in_doubt boolean NOT NULL,
  ref jsonb,
  submitted_at timestamptz,
  ended_at timestamptz,
  ending jsonb,
  failure_class text,
  failure_code text,
  failure_message text,
  search_at timestamptz,
  duplicates jsonb,
  settle_at timestamptz,
  log_tail jsonb,
  links jsonb,
  PRIMARY KEY (run_id, task_no, map_index, try_number),
  CONSTRAINT attempt_open CHECK (state <> 'open' OR ended_at IS NULL),
  CONSTRAINT attempt_ended CHECK (state NOT IN ('succeeded', 'failed') OR ended_at IS NOT NULL),
  CONSTRAINT attempt_failed CHECK (state <> 'failed' OR failure_class IS NOT NULL),
  CONSTRAINT attempt_failure CHECK (num_nulls(failure_class, failure_code, failure_message) IN (0, 3))
) WITH (fillfactor = 65, autovacuum_vacuum_cost_delay = 0);
-- What attempts owe: small, whatever the history. An update moves the index only when the state or a debt changes.
CREATE INDEX attempt_owing ON attempt (run_id)
  WHERE state IN ('open', 'orphan') OR settle_at IS NOT NULL OR search_at IS NOT NULL OR duplicates IS NOT NULL;

CREATE TABLE output (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  try_number integer NOT NULL,
  output jsonb NOT NULL,
  PRIMARY KEY (run_id, task_no, map_index, try_number)
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
  at timestamptz NOT NULL,
  PRIMARY KEY (run_id, entry_no)
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
  at timestamptz NOT NULL,
  PRIMARY KEY (run_id, task_no, map_index, try_number, usage_kind, kind, entry_no)
);
CREATE UNIQUE INDEX ledger_accrued ON ledger (run_id, task_no, map_index, try_number, usage_kind)
  WHERE kind = 'accrued';

CREATE VIEW booked AS
  SELECT entry.* FROM ledger AS entry
  WHERE entry.kind <> 'accrued' OR NOT EXISTS (
    SELECT FROM ledger AS final
    WHERE final.run_id = entry.run_id AND final.task_no = entry.task_no AND final.map_index = entry.map_index
      AND final.try_number = entry.try_number AND final.usage_kind = entry.usage_kind AND final.kind <> 'accrued'
  );
COMMENT ON VIEW booked IS 'What counts: settled entries and corrections replace what was accrued, by attempt and usage kind.';

CREATE TABLE command (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  state text NOT NULL DEFAULT 'pending',
  body jsonb NOT NULL,
  result jsonb,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CONSTRAINT command_result CHECK ((state = 'applied') = (result IS NOT NULL)),
  CONSTRAINT command_ended CHECK ((state = 'pending') = (ended_at IS NULL))
) WITH (autovacuum_vacuum_cost_delay = 0);
CREATE INDEX command_pending ON command (id) WHERE state = 'pending';

CREATE TABLE deadline (
  dag_id text NOT NULL REFERENCES dag,
  due_at timestamptz NOT NULL,
  rule text NOT NULL,
  deadline_at timestamptz NOT NULL,
  run_id uuid,
  state text NOT NULL,
  decided_at timestamptz,
  PRIMARY KEY (dag_id, due_at, rule),
  CONSTRAINT deadline_decided CHECK ((state = 'pending') = (decided_at IS NULL))
);
CREATE INDEX deadline_pending ON deadline (deadline_at) WHERE state = 'pending';
COMMENT ON TABLE deadline IS 'By due time, not by run: a run that never started misses too.';

CREATE TABLE outbox (
  -- Deterministic: a repeat carries the same one.
  message_id text PRIMARY KEY,
  kind text NOT NULL,
  receiver text NOT NULL,
  payload jsonb NOT NULL,
  state text NOT NULL DEFAULT 'pending',
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  CONSTRAINT outbox_pending CHECK ((state = 'pending') = (next_try_at IS NOT NULL)),
  CONSTRAINT outbox_ended CHECK ((state = 'pending') = (ended_at IS NULL))
);
CREATE INDEX outbox_pending_first ON outbox (next_try_at) WHERE state = 'pending';
COMMENT ON TABLE outbox IS 'Owed mails and webhooks, written in the transaction of what they tell.';
