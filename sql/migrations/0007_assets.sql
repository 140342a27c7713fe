-- What data-aware runs, runs triggered by tasks and approvals keep. Kind: expand.

CREATE TABLE asset_event (
  event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  asset text NOT NULL,
  at timestamptz NOT NULL,
  -- The task whose success it was; null: somebody outside said so.
  run_id uuid,
  dag_id text,
  dag_run_id text,
  task_id text,
  by text NOT NULL,
  extra jsonb NOT NULL,
  CHECK ((run_id IS NULL) = (dag_id IS NULL AND dag_run_id IS NULL AND task_id IS NULL))
);
CREATE INDEX asset_event_newest ON asset_event (asset, event_id DESC);
COMMENT ON TABLE asset_event IS 'When an asset was brought up to date, and by what. Written in the flush of the success.';

CREATE TABLE asset_queue (
  dag_id text NOT NULL,
  asset text NOT NULL,
  -- Since the last run that assets triggered; 0: none.
  updates integer NOT NULL,
  newest jsonb NOT NULL,
  PRIMARY KEY (dag_id, asset)
);
COMMENT ON TABLE asset_queue IS 'What waits for the next run of a DAG with on_assets: emptied in the flush that makes the run.';

CREATE TABLE approval_link (
  -- SHA-256 of 256 random bits; they themselves are in one mail and nowhere else.
  token_sha256 text PRIMARY KEY,
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  task_id text NOT NULL,
  try_number integer NOT NULL,
  receiver text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE approval_link IS 'Links by which the receiver of a mail decides about an approval.';

ALTER TABLE dag_run
  ADD parent_run_id uuid,
  ADD depth integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN dag_run.parent_run_id IS 'The run whose task triggered it (dag.trigger).';
COMMENT ON COLUMN dag_run.depth IS 'How many runs stand above it.';
