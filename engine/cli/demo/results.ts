import { setTimeout as delay } from "node:timers/promises";
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
  type Field,
} from "@aws-sdk/client-redshift-data";
import type { StoreTotals } from "./report.ts";
import { localClient } from "./upload.ts";

const POLL_MS = 20;

interface Range {
  readonly from: string;
  readonly to: string;
}

/** What the warehouse holds of these days, a row a store: asked of Redshift's Data API, as any consumer of the mart would. */
export async function storeTotals(url: string, { from, to }: Range): Promise<StoreTotals[]> {
  const client = new RedshiftDataClient(localClient(url));
  try {
    const { Id } = await client.send(
      new ExecuteStatementCommand({
        WorkgroupName: "local",
        Database: "dev",
        Sql: `SELECT store_id, SUM(transactions) AS transactions, SUM(units) AS units,
                CAST(SUM(gross_sales) AS DECIMAL(18, 2)) AS gross_sales, CAST(SUM(net_sales) AS DECIMAL(18, 2)) AS net_sales
              FROM mart.store_sales WHERE sale_date BETWEEN :first AND :last GROUP BY store_id ORDER BY store_id`,
        Parameters: [
          { name: "first", value: from },
          { name: "last", value: to },
        ],
      }),
    );
    for (;;) {
      const { Status, Error: message } = await client.send(new DescribeStatementCommand({ Id }));
      if (Status === "FINISHED") break;
      if (Status === "FAILED" || Status === "ABORTED")
        throw new Error(`the mart could not be read: ${message ?? Status}`);
      await delay(POLL_MS);
    }
    const rows: StoreTotals[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(new GetStatementResultCommand({ Id, NextToken }));
      for (const [store, transactions, units, gross, net] of page.Records ?? []) {
        rows.push({
          store_id: textOf(store),
          transactions: Number(textOf(transactions)),
          units: Number(textOf(units)),
          gross_sales: textOf(gross),
          net_sales: textOf(net),
        });
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return rows;
  } finally {
    client.destroy();
  }
}

/** How many lines of these nights were rejected, and how many were there twice: asked of Athena. */
export async function lineCounts(url: string, { from, to }: Range): Promise<{ rejected: number; duplicates: number }> {
  const client = new AthenaClient(localClient(url));
  try {
    const { QueryExecutionId } = await client.send(
      new StartQueryExecutionCommand({
        QueryString: `SELECT COALESCE(SUM(rejected_lines), 0) AS rejected, COALESCE(SUM(duplicate_lines), 0) AS duplicates
                      FROM quality_sales WHERE dt BETWEEN '${from}' AND '${to}'`,
        QueryExecutionContext: { Database: "nocturne_sales" },
        ResultConfiguration: { OutputLocation: "s3://nocturne-artifacts/athena/" },
      }),
    );
    for (;;) {
      const { QueryExecution } = await client.send(new GetQueryExecutionCommand({ QueryExecutionId }));
      const { State, StateChangeReason } = QueryExecution?.Status ?? {};
      if (State === "SUCCEEDED") break;
      if (State === "FAILED" || State === "CANCELLED") {
        throw new Error(`the line counts could not be read: ${StateChangeReason ?? State}`);
      }
      await delay(POLL_MS);
    }
    const { ResultSet } = await client.send(new GetQueryResultsCommand({ QueryExecutionId }));
    // The first row is the header.
    const [rejected, duplicates] = ResultSet?.Rows?.[1]?.Data ?? [];
    return { rejected: Number(rejected?.VarCharValue), duplicates: Number(duplicates?.VarCharValue) };
  } finally {
    client.destroy();
  }
}

function textOf(field: Field | undefined): string {
  const value = field?.stringValue ?? field?.longValue ?? field?.doubleValue;
  if (value === undefined) throw new Error("the warehouse answered a value of an unexpected type");
  return String(value);
}
