import { quoted } from "../aws/redshift/identifiers.ts";
import type { RedshiftMergeParams } from "./params.ts";

export const REFUSED_KEYS = "duplicate or empty keys in staging";

/** The source's name within the statements. The target's may have none: MERGE knows no alias there. */
const STAGED = "nocturne_staged";

/**
 * One transaction: staging's keys are checked, what will change is counted, then it is merged. Redshift's MERGE takes a
 * table as source, needs both WHEN clauses and knows no AND on them.
 */
export function mergeStatements({ target, staging, keys, columns }: RedshiftMergeParams): readonly string[] {
  const table = quoted(target);
  const source = quoted(staging);
  const targetName = quoted(target.split(".").at(-1) ?? target);
  const ofTarget = (column: string): string => `${targetName}.${quoted(column)}`;
  const ofStaged = (column: string): string => `${STAGED}.${quoted(column)}`;
  const match = keys.map((key) => `${ofTarget(key)} = ${ofStaged(key)}`).join(" AND ");
  const values = columns.filter((column) => !keys.includes(column));
  const updated = (values.length > 0 ? values : keys).map((column) => `${quoted(column)} = ${ofStaged(column)}`);
  const list = keys.map(quoted).join(", ");
  const empty = keys.map((key) => `${quoted(key)} IS NULL`).join(" OR ");
  return [
    // Redshift cannot raise an error by itself; a cast of this text does. A division by zero would not do: some engines answer NULL.
    `SELECT CAST(CASE WHEN COUNT(*) > 0 THEN '${REFUSED_KEYS}' ELSE '0' END AS INTEGER) AS refused_keys
FROM (SELECT ${list} FROM ${source} GROUP BY ${list} HAVING COUNT(*) > 1 OR ${empty}) AS refused`,
    `SELECT inserted.n AS rows_inserted, updated.n AS rows_updated
FROM (SELECT COUNT(*) AS n FROM ${source} AS ${STAGED} LEFT JOIN ${table} ON ${match} WHERE ${ofTarget(keys[0] ?? "")} IS NULL) AS inserted
CROSS JOIN (SELECT COUNT(*) AS n FROM ${table} JOIN ${source} AS ${STAGED} ON ${match}) AS updated`,
    `MERGE INTO ${table} USING ${source} AS ${STAGED} ON ${match}
WHEN MATCHED THEN UPDATE SET ${updated.join(", ")}
WHEN NOT MATCHED THEN INSERT (${columns.map(quoted).join(", ")}) VALUES (${columns.map(ofStaged).join(", ")})`,
  ];
}
