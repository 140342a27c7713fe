-- What scheduled nights, the REST trigger, mails and budgets keep. Kind: expand.

ALTER TABLE dag_run
  ADD budget_level text NOT NULL DEFAULT 'ok',
  ADD note text;
COMMENT ON COLUMN dag_run.budget_level IS 'How far the spending since started_at has been told and acted on: ok, warned, exceeded.';

-- What people ask for: the latest misses. Those met are the many, and nobody lists them.
CREATE INDEX deadline_missed ON deadline (deadline_at) WHERE state = 'missed';

CREATE TABLE import_error (
  file text PRIMARY KEY,
  -- [{code, message, at}]: what `nocturne dags check` says of it.
  problems jsonb NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE import_error IS 'DAG files that cannot be read just now; their DAGs go on as last read. Written by who watches the folder.';

-- Delivery is about real servers: these times are Postgres's own, and `at` alone is the engine''s.
ALTER TABLE outbox
  ADD subject text NOT NULL DEFAULT '',
  ADD at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD last_code text,
  ADD last_error text;

CREATE TABLE delivery (
  message_id text NOT NULL REFERENCES outbox,
  try_number integer NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- accepted, retried, refused, given_up
  outcome text NOT NULL,
  -- What the server said, or why it could not be asked.
  response text NOT NULL,
  PRIMARY KEY (message_id, try_number)
);

CREATE TABLE api_token (
  token_id text PRIMARY KEY,
  -- SHA-256: a token is 256 random bits, which no dictionary holds, so a slow hash would only slow every request.
  token_sha256 text NOT NULL UNIQUE,
  role text NOT NULL,
  -- Globs of DAG ids it may see; {*}: all.
  dags text[] NOT NULL,
  note text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
