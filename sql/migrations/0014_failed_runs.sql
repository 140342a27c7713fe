-- What went wrong is looked for first, and over all DAGs: of ten million runs' history without reading those that went well.
-- Kind: expand.

CREATE INDEX dag_run_failed ON dag_run (run_id) WHERE state = 'failed';
COMMENT ON INDEX dag_run_failed IS 'Runs that failed, of all DAGs, in the order in which they were made: pages of what went wrong.';
