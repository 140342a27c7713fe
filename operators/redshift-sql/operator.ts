import { NocturneError } from "../../engine/core/errors.ts";
import type { SubmitContext } from "../../engine/core/operator.ts";
import type { Row } from "../aws/redshift/result-rows.ts";
import { splitStatements } from "../aws/redshift/split-statements.ts";
import { redshiftOperator } from "../aws/redshift/statements.ts";
import { MOST_STATEMENTS, redshiftSqlFacts, type RedshiftSqlParams } from "./params.ts";

export const redshiftSql = redshiftOperator({
  facts: redshiftSqlFacts,
  async batch({ statements, file, parameters = {} }: RedshiftSqlParams, context) {
    return { statements: statements ?? (await statementsOf(file ?? "", context)), parameters };
  },
  output: (rows: readonly Row[]) => ({ rows, row_count: rows.length }),
});

async function statementsOf(file: string, context: SubmitContext): Promise<readonly string[]> {
  const statements = splitStatements(new TextDecoder().decode(await context.file(file)));
  if (statements.length > 0 && statements.length <= MOST_STATEMENTS) return statements;
  const message = `${file} holds ${statements.length} statements; one batch takes 1 to ${MOST_STATEMENTS}`;
  throw new NocturneError({ code: "PARAMS_INVALID", message });
}
