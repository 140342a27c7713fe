import type { Connection } from "../../engine/core/operator.ts";
import { settingsOf } from "../aws/connection-settings.ts";
import { literal, quoted } from "../aws/redshift/identifiers.ts";
import type { Row } from "../aws/redshift/result-rows.ts";
import { redshiftOperator } from "../aws/redshift/statements.ts";
import { redshiftCopyFacts, type RedshiftCopyParams } from "./params.ts";

export const redshiftCopy = redshiftOperator({
  facts: redshiftCopyFacts,
  batch: async (params: RedshiftCopyParams, { connection }) => ({ statements: copyStatements(params, connection) }),
  output: (rows: readonly Row[]) => ({ rows_loaded: Number(rows[0]?.["rows_loaded"] ?? 0) }),
});

const FORMATS = {
  parquet: "FORMAT AS PARQUET",
  csv: "FORMAT AS CSV IGNOREHEADER 1",
  json: "FORMAT AS JSON 'auto'",
} as const satisfies Record<RedshiftCopyParams["format"], string>;

/** One transaction: readers see the old rows or the new ones. TRUNCATE would commit in the middle of it. */
function copyStatements({ table, columns, from, format, mode, iam_role }: RedshiftCopyParams, connection: Connection) {
  const target = quoted(table);
  const role = iam_role ?? settingsOf(connection).redshift.iam_role;
  const list = columns === undefined ? "" : ` (${columns.map(quoted).join(", ")})`;
  const copy = [
    `COPY ${target}${list}`,
    `FROM ${literal(from)}`,
    `IAM_ROLE ${role === undefined ? "default" : literal(role)}`,
    FORMATS[format],
  ].join("\n");
  return mode === "replace"
    ? [`DELETE FROM ${target}`, copy, `SELECT COUNT(*) AS rows_loaded FROM ${target}`]
    : [copy, "SELECT pg_last_copy_count() AS rows_loaded"];
}
