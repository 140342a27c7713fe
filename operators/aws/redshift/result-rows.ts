import {
  GetStatementResultCommand,
  type DescribeStatementResponse,
  type Field,
  type RedshiftDataClient,
} from "@aws-sdk/client-redshift-data";

export type Row = Readonly<Record<string, string | null>>;

/** An output is kept in the database and shown to people: data belongs into S3. */
const MOST_BYTES = 64 * 1024;

/** Of a batch, the last statement that has a result; of a single one, its own; null when there is none. */
export function resultId({ Id = "", HasResultSet, SubStatements }: DescribeStatementResponse): string | null {
  if (!SubStatements) return HasResultSet === true ? Id : null;
  return SubStatements.findLast((each) => each.HasResultSet === true)?.Id ?? null;
}

/** The rows of a result, every value as text; null when they are more than an output may hold. */
export async function readRows(client: RedshiftDataClient, Id: string, signal: AbortSignal): Promise<Row[] | null> {
  const rows: Row[] = [];
  let bytes = 0;
  let NextToken: string | undefined;
  do {
    const page = await client.send(new GetStatementResultCommand({ Id, NextToken }), { abortSignal: signal });
    const names = (page.ColumnMetadata ?? []).map(({ label, name }, index) => label || name || `column${index + 1}`);
    for (const fields of page.Records ?? []) {
      const row = Object.fromEntries(fields.map((field, index) => [names[index] ?? "", text(field)]));
      bytes += Buffer.byteLength(JSON.stringify(row));
      if (bytes > MOST_BYTES) return null;
      rows.push(row);
    }
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return rows;
}

function text(field: Field): string | null {
  if (field.isNull === true) return null;
  if (field.blobValue !== undefined) return Buffer.from(field.blobValue).toString("base64");
  const value = field.stringValue ?? field.longValue ?? field.doubleValue ?? field.booleanValue;
  return value === undefined ? null : String(value);
}
