import { GetQueryResultsCommand, type AthenaClient, type QueryExecution } from "@aws-sdk/client-athena";

export type Row = Readonly<Record<string, string | null>>;

export interface Result {
  readonly columns: readonly string[];
  /** The first rows, every value as Athena's text. */
  readonly rows: readonly Row[];
  /** There were more rows, or they were too long. */
  readonly isCut: boolean;
}

const MOST_ROWS = 100;
const MOST_BYTES = 64 * 1024;

/** Statements that have no rows to ask for; SHOW and DESCRIBE have. */
const ONLY_CHANGES = /^(\s|--[^\n]*\n)*(create|drop|alter|msck)\b/i;

/** The query's first rows, as many as an output may hold. */
export async function readResult(client: AthenaClient, query: QueryExecution, signal: AbortSignal): Promise<Result> {
  if (query.StatementType === "DDL" && ONLY_CHANGES.test(query.Query ?? ""))
    return { columns: [], rows: [], isCut: false };
  const read = new GetQueryResultsCommand({ QueryExecutionId: query.QueryExecutionId, MaxResults: MOST_ROWS + 2 });
  const { ResultSet, NextToken } = await client.send(read, { abortSignal: signal });
  const columns = (ResultSet?.ResultSetMetadata?.ColumnInfo ?? []).map(({ Label, Name = "" }) => Label || Name);
  const values = (ResultSet?.Rows ?? []).map(({ Data = [] }) => Data.map(({ VarCharValue }) => VarCharValue ?? null));
  // A SELECT's first row is its header.
  const isHeader = query.StatementType === "DML" && columns.every((name, index) => values[0]?.[index] === name);
  const body = isHeader ? values.slice(1) : values;
  const rows: Row[] = [];
  let bytes = 0;
  for (const each of body.slice(0, MOST_ROWS)) {
    const row = Object.fromEntries(columns.map((name, index) => [name, each[index] ?? null]));
    bytes += Buffer.byteLength(JSON.stringify(row));
    if (bytes > MOST_BYTES) break;
    rows.push(row);
  }
  return { columns, rows, isCut: rows.length < body.length || NextToken !== undefined };
}
