-- Ended runs leave by month (protocol rule 29): every table whose key begins with run_id is partitioned by it, for run ids are
-- time-ordered. Kind: expand. The tables are found in the catalog, with whatever columns earlier migrations have given them.
--
-- The table as it was becomes a partition, so that no row is copied: `<table>_first`, up to the end of this month; or the
-- default one, `<table>_rest`, when it is empty or its ids are of no calendar. A later migration that adds a table with run_id
-- at the head of its key calls partition_by_run(name) for it.

CREATE TABLE partition_state (
  -- 2026_01: the suffix of its tables; or first.
  month text PRIMARY KEY,
  from_id uuid NOT NULL,
  to_id uuid NOT NULL,
  -- Every run in it was made before.
  until_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'open',
  closing_at timestamptz,
  -- run_summary has its runs: sums count those instead of the rows.
  summed_at timestamptz,
  -- {folder, at, runs, rows}: where its export stands, once it was read back.
  export jsonb,
  gone_at timestamptz,
  CONSTRAINT partition_state_closing CHECK ((state = 'open') = (closing_at IS NULL)),
  CONSTRAINT partition_state_gone CHECK ((state = 'gone') = (gone_at IS NOT NULL) AND (state <> 'gone' OR export IS NOT NULL))
);
COMMENT ON TABLE partition_state IS 'The months of run_id: open, closing (nothing may change any more), gone.';

CREATE TABLE run_summary (
  run_id uuid PRIMARY KEY,
  dag_id text NOT NULL,
  dag_run_id text NOT NULL,
  run_type text NOT NULL,
  logical_at timestamptz,
  backfill_id uuid,
  state text NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  -- [{usageKind, unit, currency, quantity, amount}], exact decimals: what counted of its ledger.
  usage jsonb NOT NULL
);
CREATE INDEX run_summary_of_dag ON run_summary (dag_id, run_id);
CREATE INDEX run_summary_of_backfill ON run_summary (backfill_id) WHERE backfill_id IS NOT NULL;
COMMENT ON TABLE run_summary IS 'What stays of a run that has left for the archive. Never partitioned, never archived.';

CREATE TABLE orphan_params (
  hash text PRIMARY KEY
);
COMMENT ON TABLE orphan_params IS
  'Hashes of frozen_params that may be forgotten when no attempt names them; a flush that names one again takes it out.';
-- With it, every forgotten row would search all attempts; orphan_params keeps the promise instead.
ALTER TABLE attempt DROP CONSTRAINT attempt_params_hash_fkey;

CREATE FUNCTION run_id_from(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
  substr(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 1, 12) || repeat('0', 20)
)::uuid;
COMMENT ON FUNCTION run_id_from IS 'The least run id (UUIDv7) of an instant.';

CREATE FUNCTION run_id_at(run_id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
  WHEN substr(run_id::text, 15, 1) = '7' AND run_id < '0b000000-0000-0000-0000-000000000000'
  THEN to_timestamp((('x' || lpad(replace(substr(run_id::text, 1, 13), '-', ''), 16, '0'))::bit(64)::bigint) / 1000.0)
END;
COMMENT ON FUNCTION run_id_at IS 'When a run was made, by its id; null: the id is of no calendar.';

CREATE FUNCTION partitioned_tables() RETURNS SETOF text LANGUAGE sql STABLE AS $$
  SELECT relname::text FROM pg_partitioned_table JOIN pg_class ON oid = partrelid
  WHERE relnamespace = current_schema()::regnamespace ORDER BY relname
$$;
COMMENT ON FUNCTION partitioned_tables IS 'The one list of the tables whose rows leave with their run.';

CREATE FUNCTION refuse_closing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'NC001', MESSAGE = format('%s is closing for the archive: its runs change no more', TG_TABLE_NAME);
END
$$;
COMMENT ON FUNCTION refuse_closing IS 'On every partition of a closing month: a flush that would change it has a conflict and reloads.';

-- A partition's table without data: as the default one, with its storage settings, which a parent cannot have.
CREATE FUNCTION make_partition_table(parent text, partition text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  settings text;
BEGIN
  SELECT array_to_string(reloptions, ', ') INTO settings FROM pg_class WHERE oid = format('%I_rest', parent)::regclass;
  EXECUTE format('CREATE TABLE %I (LIKE %I_rest INCLUDING ALL EXCLUDING IDENTITY)', partition, parent)
    || coalesce(' WITH (' || settings || ')', '');
END
$$;

CREATE FUNCTION attach_month(parent text, of partition_state) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  partition text := parent || '_' || of.month;
BEGIN
  PERFORM make_partition_table(parent, partition);
  -- Rows that came before their month was made. No statement passes between: the lock is exclusive.
  EXECUTE format('LOCK TABLE %I_rest IN ACCESS EXCLUSIVE MODE', parent);
  EXECUTE format(
    'WITH moved AS (DELETE FROM %I_rest WHERE run_id >= %L AND run_id < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
    parent, of.from_id, of.to_id, partition);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition, of.from_id, of.to_id);
END
$$;

CREATE FUNCTION make_month(at timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  first_day timestamptz := date_trunc('month', at, 'UTC');
  made partition_state;
  parent text;
BEGIN
  made.month := to_char(first_day AT TIME ZONE 'UTC', 'YYYY_MM');
  made.until_at := date_trunc('month', first_day + interval '40 days', 'UTC');
  made.from_id := run_id_from(first_day);
  made.to_id := run_id_from(made.until_at);
  made.state := 'open';
  IF EXISTS (SELECT FROM partition_state WHERE from_id < made.to_id AND to_id > made.from_id) THEN
    RETURN false;
  END IF;
  INSERT INTO partition_state SELECT made.*;
  FOR parent IN SELECT partitioned_tables() LOOP
    PERFORM attach_month(parent, made);
  END LOOP;
  RETURN true;
END
$$;
COMMENT ON FUNCTION make_month IS 'Makes the partitions of the month of an instant; false: they are there, or were.';

-- Turns a table into a partitioned one of the same name, keys, checks, defaults, comments and triggers. `first_until`: its
-- rows' partition ends there; null: they become the default partition. Views must not look at it meanwhile.
CREATE FUNCTION partition_by_run(parent text, first_until uuid DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  old text := parent || CASE WHEN first_until IS NULL THEN '_rest' ELSE '_first' END;
  source oid := parent::regclass;
  remade text[];
  generated record;
  thing record;
  said text := obj_description(source, 'pg_class');
BEGIN
  -- What LIKE leaves out, or names anew: keys, indexes, foreign keys, triggers.
  SELECT array_agg(text ORDER BY rank, name) INTO remade FROM (
    SELECT 1 AS rank, conname AS name, format('ALTER TABLE %I ADD CONSTRAINT %I %s', parent, conname, pg_get_constraintdef(oid)) AS text
    FROM pg_constraint WHERE conrelid = source AND contype IN ('p', 'u', 'f')
    UNION ALL
    SELECT 2, c.relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
    WHERE indrelid = source AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL
    SELECT 3, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = source AND NOT tgisinternal
  ) AS part;
  FOR thing IN SELECT tgname FROM pg_trigger WHERE tgrelid = source AND NOT tgisinternal LOOP
    EXECUTE format('DROP TRIGGER %I ON %I', thing.tgname, parent);
  END LOOP;
  -- A partition may not count by itself: the parent goes on from there.
  SELECT attname, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END AS kind,
         nextval(pg_get_serial_sequence(parent, attname)) AS next
  INTO generated FROM pg_attribute WHERE attrelid = source AND attidentity <> '' AND NOT attisdropped;
  IF FOUND THEN
    EXECUTE format('ALTER TABLE %I ALTER %I DROP IDENTITY', parent, generated.attname);
  END IF;
  FOR thing IN SELECT c.relname FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid WHERE indrelid = source LOOP
    EXECUTE format('ALTER INDEX %I RENAME TO %I', thing.relname, old || substr(thing.relname, length(parent) + 1));
  END LOOP;
  EXECUTE format('ALTER TABLE %I RENAME TO %I', parent, old);
  EXECUTE format(
    'CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY) PARTITION BY RANGE (run_id)', parent, old);
  IF generated.attname IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %I ALTER %I ADD GENERATED %s AS IDENTITY (START WITH %s)',
                   parent, generated.attname, generated.kind, generated.next);
  END IF;
  FOREACH said IN ARRAY remade LOOP
    EXECUTE said;
  END LOOP;
  EXECUTE format('COMMENT ON TABLE %I IS %L', parent, obj_description(source, 'pg_class'));
  IF first_until IS NOT NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', parent || '_rest', old)
      || coalesce((SELECT ' WITH (' || array_to_string(reloptions, ', ') || ')' FROM pg_class WHERE oid = source), '');
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', parent, old, first_until);
  END IF;
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', parent, parent || '_rest');
  FOR thing IN SELECT * FROM partition_state WHERE state = 'open' AND month <> 'first' LOOP
    PERFORM attach_month(parent, (SELECT p FROM partition_state AS p WHERE p.month = thing.month));
  END LOOP;
END
$$;
COMMENT ON FUNCTION partition_by_run IS 'For tables with run_id at the head of their key.';

DO $$
DECLARE
  ours oid := current_schema()::regnamespace;
  parents text[];
  views record;
  kept record;
  newest uuid;
  least uuid;
  found uuid;
  until timestamptz;
BEGIN
  SELECT array_agg(c.relname ORDER BY c.relname) INTO parents
  FROM pg_class AS c JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
  WHERE c.relnamespace = ours AND c.relkind = 'r' AND a.attname = 'run_id' AND c.relname NOT IN ('run_key', 'run_summary');
  SELECT array_agg(format('CREATE VIEW %I AS %s', relname, pg_get_viewdef(oid)) ORDER BY oid) AS texts,
         array_agg(format('COMMENT ON VIEW %I IS %L', relname, obj_description(oid, 'pg_class')) ORDER BY oid) AS comments,
         array_agg(relname ORDER BY oid DESC) AS names
  INTO views FROM pg_class WHERE relnamespace = ours AND relkind = 'v';
  FOR i IN 1 .. coalesce(array_length(views.names, 1), 0) LOOP
    EXECUTE format('DROP VIEW %I', views.names[i]);
  END LOOP;
  FOR i IN 1 .. array_length(parents, 1) LOOP
    EXECUTE format('SELECT run_id FROM %I ORDER BY run_id DESC LIMIT 1', parents[i]) INTO found;
    IF newest IS NULL OR found > newest THEN newest := found; END IF;
    EXECUTE format('SELECT run_id FROM %I ORDER BY run_id LIMIT 1', parents[i]) INTO found;
    IF least IS NULL OR found < least THEN least := found; END IF;
  END LOOP;
  IF run_id_at(newest) < clock_timestamp() + interval '10 years' AND run_id_at(least) IS NOT NULL THEN
    until := date_trunc('month', date_trunc('month', greatest(clock_timestamp(), run_id_at(newest)), 'UTC') + interval '40 days', 'UTC');
    INSERT INTO partition_state (month, from_id, to_id, until_at)
    VALUES ('first', '00000000-0000-0000-0000-000000000000', run_id_from(until), until);
  END IF;
  FOR i IN 1 .. array_length(parents, 1) LOOP
    PERFORM partition_by_run(parents[i], run_id_from(until));
  END LOOP;
  FOR i IN 1 .. coalesce(array_length(views.texts, 1), 0) LOOP
    EXECUTE views.texts[i];
    EXECUTE views.comments[i];
  END LOOP;
  FOR ahead IN 0 .. 3 LOOP
    PERFORM make_month(date_trunc('month', clock_timestamp(), 'UTC') + ahead * interval '1 month');
  END LOOP;
END
$$;
