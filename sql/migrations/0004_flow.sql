-- What mapped tasks keep. Kind: expand.

CREATE TABLE expansion (
  run_id uuid NOT NULL,
  task_no integer NOT NULL,
  map_index integer NOT NULL,
  items jsonb NOT NULL,
  labels jsonb,
  PRIMARY KEY (run_id, task_no, map_index)
);
COMMENT ON TABLE expansion IS
  'What a task of a run is mapped over: written before the first of its instances, replaced when the task begins anew.';
