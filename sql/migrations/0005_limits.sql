-- What limits remember: which runs exclude each other, and how many have failed in a row. Kind: expand.

ALTER TABLE dag_run ADD concurrency_key text;
COMMENT ON COLUMN dag_run.concurrency_key IS 'Rendered once; of runs of a DAG with the same one, one runs at a time. Null: the DAG has none.';

ALTER TABLE dag ADD failed_runs integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN dag.failed_runs IS 'Runs that failed in a row, those of backfills aside; 0 again when a person unpauses the DAG.';
