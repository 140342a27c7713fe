-- What templates read as {{ vars.name }}. Kind: expand.

CREATE TABLE variable (
  name text PRIMARY KEY,
  value jsonb NOT NULL,
  description text,
  updated_at timestamptz NOT NULL
);
COMMENT ON TABLE variable IS 'Values that the templates of every DAG may read. Written by the writer alone, which keeps them all in memory.';
