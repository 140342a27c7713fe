import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AthenaClient,
  BatchGetQueryExecutionCommand,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  InvalidRequestException,
  StartQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import { GetTableCommand, GlueClient } from "@aws-sdk/client-glue";
import {
  BatchExecuteStatementCommand,
  DescribeStatementCommand,
  GetStatementResultCommand,
  ListStatementsCommand,
  RedshiftDataClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-redshift-data";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startLocalAws } from "../../deploy/local-aws/server.ts";
import type { LocalAws } from "../../deploy/local-aws/server.ts";
import { eventually } from "./service-under-test.ts";

let aws: LocalAws;
const client = () => ({
  endpoint: aws.url,
  region: "eu-central-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});

beforeAll(async () => {
  aws = await startLocalAws({ home: await mkdtemp(join(tmpdir(), "local-aws-wire-")) });
  const s3 = new S3Client({ ...client(), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: "nocturne" }));
  await s3.send(new PutObjectCommand({ Bucket: "nocturne", Key: "stage/part-0.csv", Body: "1,2.50\n2,3.50\n" }));
});
afterAll(() => aws.stop());

it("loads, merges and counts through the Redshift Data API's own client", async () => {
  const redshift = new RedshiftDataClient(client());
  const key = "c".repeat(48);
  const started = await redshift.send(
    new BatchExecuteStatementCommand({
      WorkgroupName: "nightly",
      Database: "dev",
      StatementName: key,
      ClientToken: key,
      Sqls: [
        "CREATE SCHEMA IF NOT EXISTS mart",
        "CREATE TABLE IF NOT EXISTS mart.daily (id int, net decimal(18,2))",
        "COPY mart.daily FROM 's3://nocturne/stage/part-' IAM_ROLE default FORMAT CSV",
        "SELECT count(*), sum(net) FROM mart.daily",
      ],
    }),
  );
  expect(started.CreatedAt).toBeInstanceOf(Date);
  const described = await eventually(
    () => redshift.send(new DescribeStatementCommand({ Id: started.Id })),
    (statement) => statement.Status === "FINISHED" || statement.Status === "FAILED",
  );
  expect(described.Error).toBeUndefined();
  expect(described.SubStatements?.map((sub) => sub.Status)).toEqual(Array(4).fill("FINISHED"));
  const last = await redshift.send(new GetStatementResultCommand({ Id: `${started.Id ?? ""}:4` }));
  expect(last.Records).toEqual([[{ longValue: 2 }, { stringValue: "6.00" }]]);
  const listed = await redshift.send(new ListStatementsCommand({ StatementName: key, Status: "ALL" }));
  expect(listed.Statements?.map((statement) => statement.Id)).toEqual([started.Id]);
  await expect(
    redshift.send(new DescribeStatementCommand({ Id: "00000000-0000-0000-0000-000000000000" })),
  ).rejects.toBeInstanceOf(ResourceNotFoundException);
});

it("queries through Athena's own client, with the tables in the Glue catalog", async () => {
  const athena = new AthenaClient(client());
  const run = async (QueryString: string): Promise<string> => {
    const { QueryExecutionId = "" } = await athena.send(
      new StartQueryExecutionCommand({ QueryString, ResultConfiguration: { OutputLocation: "s3://nocturne/athena/" } }),
    );
    const ended = await eventually(
      () => athena.send(new GetQueryExecutionCommand({ QueryExecutionId })),
      ({ QueryExecution }) => !["QUEUED", "RUNNING"].includes(QueryExecution?.Status?.State ?? ""),
    );
    expect(ended.QueryExecution?.Status).toMatchObject({ State: "SUCCEEDED" });
    expect(ended.QueryExecution?.Status?.CompletionDateTime).toBeInstanceOf(Date);
    return QueryExecutionId;
  };
  await run("CREATE DATABASE IF NOT EXISTS shop");
  await run(
    "CREATE EXTERNAL TABLE shop.lines (id int, net decimal(18,2)) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 's3://nocturne/stage/'",
  );
  const id = await run("SELECT sum(net) AS net, CAST(NULL AS varchar) AS none FROM shop.lines");
  const results = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: id }));
  expect(results.ResultSet?.Rows).toEqual([
    { Data: [{ VarCharValue: "net" }, { VarCharValue: "none" }] },
    { Data: [{ VarCharValue: "6.00" }, {}] },
  ]);
  const s3 = new S3Client({ ...client(), forcePathStyle: true });
  const object = await s3.send(new GetObjectCommand({ Bucket: "nocturne", Key: `athena/${id}.csv` }));
  expect(await object.Body?.transformToString()).toBe('"net","none"\n"6.00",\n');
  const batch = await athena.send(new BatchGetQueryExecutionCommand({ QueryExecutionIds: [id, "unknown"] }));
  expect([batch.QueryExecutions?.length, batch.UnprocessedQueryExecutionIds?.[0]?.QueryExecutionId]).toEqual([
    1,
    "unknown",
  ]);
  const { Table } = await new GlueClient(client()).send(new GetTableCommand({ DatabaseName: "shop", Name: "lines" }));
  expect(Table?.StorageDescriptor?.Columns?.map((column) => column.Type)).toEqual(["int", "decimal(18,2)"]);
  const refused = athena.send(new StartQueryExecutionCommand({ QueryString: "SELECT 1" }));
  await expect(refused).rejects.toBeInstanceOf(InvalidRequestException);
  await expect(refused).rejects.toMatchObject({ AthenaErrorCode: "INVALID_INPUT" });
});
