-- What people do to runs and tasks, for good, and what they write beside them. Kind: expand.

ALTER TABLE dag_run ADD is_reopened boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN dag_run.is_reopened IS 'A person opened it again: when it starts, its tasks begin as they stand.';

CREATE TABLE task_note (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  note text NOT NULL,
  PRIMARY KEY (run_id, task_no, map_index)
);
COMMENT ON TABLE task_note IS 'A person''s words about a task instance; a clear keeps them.';

CREATE TABLE audit (
  audit_no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  action text NOT NULL,
  by text NOT NULL,
  -- The machine or the address it came from.
  from_where text,
  dag_id text,
  run_id uuid,
  task_id text,
  details jsonb NOT NULL,
  -- done, or the code of its refusal.
  result text NOT NULL
);
CREATE INDEX audit_of_dag ON audit (dag_id, audit_no);
CREATE INDEX audit_of_run ON audit (run_id, audit_no) WHERE run_id IS NOT NULL;
CREATE INDEX audit_at ON audit (at);
COMMENT ON TABLE audit IS 'Who asked for what, from where, and what became of it. Only inserted into; never archived.';
