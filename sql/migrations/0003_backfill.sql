-- Backfills that can be paused, go backwards or run single tasks, and that REST clients know by a number. Kind: expand.

ALTER TABLE backfill
  -- REST clients take whole numbers for ids.
  ADD backfill_no bigint GENERATED ALWAYS AS IDENTITY,
  -- The bounds on the logical date; null: an earlier version wrote it, its days in UTC stand for them.
  ADD from_at timestamptz,
  ADD to_at timestamptz,
  ADD runs_backwards boolean NOT NULL DEFAULT false,
  -- Task ids; null: every task.
  ADD only_tasks jsonb,
  ADD is_paused boolean NOT NULL DEFAULT false,
  ADD updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ADD CONSTRAINT backfill_number UNIQUE (backfill_no);
UPDATE backfill SET updated_at = coalesce(completed_at, created_at);

ALTER TABLE dag_run ADD only_tasks jsonb;
COMMENT ON COLUMN dag_run.only_tasks IS 'Task ids that run, the others are left as they are or removed; null: every task.';
