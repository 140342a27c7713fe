import {
  DescribeStatementCommand,
  ExecuteStatementCommand,
  GetStatementResultCommand,
  RedshiftDataClient,
} from "@aws-sdk/client-redshift-data";
import { until } from "./project.ts";

const COLUMNS = "store_id, sale_date, transactions, units, gross_sales, discounts, returns, net_sales, average_basket";

/** Every row of the mart but its run_id, as text, in key order. */
export async function readMart(endpoint: string): Promise<string[]> {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const client = new RedshiftDataClient({ endpoint, region: "us-east-1", credentials });
  const Sql = `SELECT ${COLUMNS} FROM mart.store_sales ORDER BY store_id, sale_date`;
  const { Id } = await client.send(new ExecuteStatementCommand({ WorkgroupName: "local", Database: "dev", Sql }));
  await until("the mart's rows", async () => {
    const { Status, Error: error } = await client.send(new DescribeStatementCommand({ Id }));
    if (Status === "FAILED") throw new Error(error);
    return Status === "FINISHED";
  });
  const rows: string[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new GetStatementResultCommand({ Id, NextToken }));
    for (const row of page.Records ?? []) rows.push(JSON.stringify(row));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  client.destroy();
  return rows;
}
