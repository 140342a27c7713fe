-- A start reads no DAG before it is due: which of a hundred thousand must be known all the same is answered by two small
-- indexes, without unpacking a single spec. Kind: expand.

CREATE INDEX dag_version_of_assets ON dag_version (dag_id)
  WHERE spec ->> 'onAssets' IS NOT NULL OR jsonb_path_exists(spec::jsonb, '$.tasks[*].produces[0]');
COMMENT ON INDEX dag_version_of_assets IS 'DAGs that wait for assets or produce some: the writer knows them from its start.';

CREATE INDEX dag_version_unscheduled ON dag_version (dag_id, version_number) WHERE spec ->> 'schedule' IS NULL;
COMMENT ON INDEX dag_version_unscheduled IS 'Versions without a schedule: the writer''s start has nothing to look at for them.';
