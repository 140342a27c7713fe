-- The index of what attempts owe names no column any more that changes with every attempt: an update of an attempt stays HOT
-- (no new entry in its key's index), and an attempt that nothing special happens to never enters this one. Open attempts
-- are those of runs that have not ended, which dag_run_active finds; what outlives its run has an ending, a bill that is not
-- settled, a search to come or duplicates.
DROP INDEX attempt_owing;
CREATE INDEX attempt_owing ON attempt (run_id)
  WHERE ending IS NOT NULL OR settle_at IS NOT NULL OR search_at IS NOT NULL OR duplicates IS NOT NULL;
