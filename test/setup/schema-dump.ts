import type pg from "pg";

/**
 * Every table of the current schema with its columns, keys and CHECKs, then indexes, views and functions, as SQL. Views only
 * by their columns: the text of a query comes back differently from different versions of Postgres. Partitions are left out:
 * which months there are is a matter of the day.
 */
const CATALOG = `
WITH relation AS (
  SELECT c.oid, c.relname, c.relkind, c.reloptions FROM pg_class AS c
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relname !~ '^kysely_' AND NOT c.relispartition
), line AS (
  SELECT a.attrelid AS oid, 0 AS part, a.attnum::text AS place,
         format('  %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
         || CASE WHEN a.attidentity <> '' THEN ' GENERATED ALWAYS AS IDENTITY' WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
         || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS text, a.attnum AS number
  FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT conrelid, CASE contype WHEN 'p' THEN 1 WHEN 'u' THEN 2 WHEN 'f' THEN 3 ELSE 4 END, conname,
         format('  CONSTRAINT %I %s', conname, pg_get_constraintdef(oid, true)), 0
  FROM pg_constraint WHERE contype IN ('p', 'u', 'f', 'c')
), thing AS (
  SELECT 1 AS part, r.relname::text AS name,
         format(E'CREATE TABLE %I (\\n%s\\n)%s%s;', r.relname, string_agg(l.text, E',\\n' ORDER BY l.part, l.number, l.place),
                ' PARTITION BY ' || pg_get_partkeydef(r.oid),
                coalesce(' WITH (' || array_to_string(r.reloptions, ', ') || ')', '')) AS text
  FROM relation AS r JOIN line AS l USING (oid) WHERE r.relkind IN ('r', 'p') GROUP BY r.oid, r.relname, r.reloptions
  UNION ALL
  SELECT 2, r.relname, pg_get_indexdef(r.oid, 0, true) || ';' FROM relation AS r
  WHERE r.relkind IN ('i', 'I') AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = r.oid)
    AND EXISTS (SELECT FROM pg_index JOIN relation AS owner ON owner.oid = indrelid WHERE indexrelid = r.oid)
  UNION ALL
  SELECT 3, r.relname, format(E'-- VIEW %I (\\n-- %s\\n-- )', r.relname, string_agg(l.text, E',\\n-- ' ORDER BY l.number))
  FROM relation AS r JOIN line AS l USING (oid) WHERE r.relkind = 'v' GROUP BY r.oid, r.relname
  UNION ALL
  SELECT 4, p.proname, replace(pg_get_functiondef(p.oid), format('%I.', current_schema()), '') FROM pg_proc AS p
  WHERE p.pronamespace = current_schema()::regnamespace
)
SELECT text FROM thing ORDER BY part, name`;

/** The schema as the catalog tells it, for people to read and for a test to compare. */
export async function schemaDump(client: pg.Pool): Promise<string> {
  const { rows } = await client.query<{ text: string }>(CATALOG);
  const head = "-- Written by the schema's guard test from the catalog after all migrations. Not applied by anything.";
  return `${[head, ...rows.map((row) => row.text.trimEnd())].join("\n\n")}\n`;
}
