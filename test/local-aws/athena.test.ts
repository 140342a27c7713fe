import { DuckDBInstance } from "@duckdb/node-api";
import type { GetQueryResultsOutput, QueryExecution } from "@aws-sdk/client-athena";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAthena } from "../../deploy/local-aws/athena/service.ts";
import { eventually, startService } from "./service-under-test.ts";
import type { ServiceUnderTest } from "./service-under-test.ts";

const OUT = { ResultConfiguration: { OutputLocation: "s3://out/athena/" } };
let aws: ServiceUnderTest;

const start = async (QueryString: string, more: object = {}): Promise<string> =>
  (await aws.call<{ QueryExecutionId: string }>("StartQueryExecution", { QueryString, ...OUT, ...more }))
    .QueryExecutionId;

async function execution(QueryExecutionId: string): Promise<QueryExecution> {
  return (await aws.call<{ QueryExecution: QueryExecution }>("GetQueryExecution", { QueryExecutionId })).QueryExecution;
}

const ended = (id: string): Promise<QueryExecution> =>
  eventually(
    () => execution(id),
    (query) => !["QUEUED", "RUNNING"].includes(query.Status?.State ?? ""),
  );

async function succeeded(sql: string, more: object = {}): Promise<QueryExecution> {
  const query = await ended(await start(sql, more));
  expect(query.Status?.StateChangeReason).toBeUndefined();
  expect(query.Status?.State).toBe("SUCCEEDED");
  return query;
}

async function rows(sql: string, more: object = {}): Promise<(string | null)[][]> {
  const query = await succeeded(sql, more);
  const result = await aws.call<GetQueryResultsOutput>("GetQueryResults", { QueryExecutionId: query.QueryExecutionId });
  return (result.ResultSet?.Rows ?? [])
    .slice(1)
    .map((row) => (row.Data ?? []).map((datum) => datum.VarCharValue ?? null));
}

async function fails(sql: string, reason: RegExp): Promise<void> {
  const query = await ended(await start(sql));
  expect(query.Status?.State).toBe("FAILED");
  expect(query.Status?.StateChangeReason).toMatch(reason);
}

async function parquet(uri: string, select: string): Promise<void> {
  await aws.s3.write(uri, new Uint8Array([0]));
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`COPY (${select}) TO '${aws.s3.pathOf(uri)}' (FORMAT parquet)`);
  connection.closeSync();
}

const counting = (rounds: number): string =>
  `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${rounds}) SELECT max(x) FROM n`;

const SALES = `CREATE EXTERNAL TABLE IF NOT EXISTS shop.sales (
    store_id string, quantity int, amount decimal(18,2) COMMENT 'with a comma, here', added bigint)
  PARTITIONED BY (dt string) STORED AS PARQUET LOCATION 's3://lake/curated/sales/'
  TBLPROPERTIES ('projection.enabled'='true', 'projection.dt.type'='date', 'projection.dt.range'='2026-01-01,NOW',
    'projection.dt.format'='yyyy-MM-dd', 'projection.dt.interval'='1', 'projection.dt.interval.unit'='DAYS',
    'storage.location.template'='s3://lake/curated/sales/dt=\${dt}/')`;

beforeAll(async () => {
  aws = await startService(createAthena);
  await succeeded("CREATE DATABASE IF NOT EXISTS shop");
  await succeeded(SALES);
  await succeeded(SALES);
  for (const day of ["2026-01-01", "2026-01-02", "2026-01-03"])
    await parquet(
      `s3://lake/curated/sales/dt=${day}/part-0`,
      `SELECT 'a' AS store_id, 2::int AS quantity, 1.10::decimal(18,2) AS amount UNION ALL SELECT 'b', -1, 0.05`,
    );
  await parquet("s3://lake/curated/sales/dt=2025-12-31/part-0", "SELECT 'outside' AS store_id");
  await aws.s3.write("s3://lake/curated/sales/dt=2026-01-01/_SUCCESS", new Uint8Array());
});
afterAll(() => aws.stop());

describe("tables", () => {
  it("reads projected partitions inside the range, and columns a file lacks as NULL", async () => {
    expect(await rows("SELECT dt, count(*), sum(amount), max(added) FROM shop.sales GROUP BY dt ORDER BY dt")).toEqual([
      ["2026-01-01", "2", "1.15", null],
      ["2026-01-02", "2", "1.15", null],
      ["2026-01-03", "2", "1.15", null],
    ]);
  });

  it.each([
    ["dt = '2026-01-02'", 1, "2"],
    ["dt >= '2026-01-02' AND quantity > 0", 2, "2"],
    ["s.dt BETWEEN '2026-01-01' AND '2026-01-02' AND s.store_id = 'a'", 2, "2"],
    ["dt IN ('2026-01-01', '2026-01-03')", 2, "4"],
    ["dt = '2026-01-02' OR quantity < 0", 3, "4"],
    ["dt > '2027-01-01'", 0, "0"],
  ])("scans only the files that can match: %s", async (where, files, count) => {
    const one = (await aws.s3.list("s3://lake/curated/sales/dt=2026-01-01/part-0"))[0]?.size ?? 0;
    const sql = `SELECT count(*) FROM shop.sales s WHERE ${where}`;
    expect(await rows(sql)).toEqual([[count]]);
    expect((await succeeded(sql)).Statistics?.DataScannedInBytes).toBe(files * one);
  });

  it("prunes no partition that another mention of the table wants", async () => {
    expect(
      await rows(`WITH today AS (SELECT * FROM shop.sales WHERE dt = '2026-01-03')
        SELECT (SELECT count(*) FROM today), count(*) FROM shop.sales`),
    ).toEqual([["2", "6"]]);
  });

  it("prunes each mention by its own conditions, joins and window functions beside them", async () => {
    const sql = `WITH pairs AS (SELECT DISTINCT store_id FROM sales WHERE dt = '2026-01-03'),
      delivered AS (
        SELECT lines.amount, ROW_NUMBER() OVER (PARTITION BY lines.store_id ORDER BY lines.dt) AS place
        FROM sales AS lines JOIN pairs ON pairs.store_id = lines.store_id
        WHERE lines.dt BETWEEN '2026-01-02' AND '2026-01-02')
      SELECT CAST(SUM(amount * 2 - 0.10) AS DECIMAL(18, 2)) AS net FROM delivered WHERE place = 1`;
    const context = { QueryExecutionContext: { Database: "shop" } };
    expect(await rows(sql, context)).toEqual([["2.10"]]);
    const one = (await aws.s3.list("s3://lake/curated/sales/dt=2026-01-01/part-0"))[0]?.size ?? 0;
    expect((await succeeded(sql, context)).Statistics?.DataScannedInBytes).toBe(2 * one);
  });

  it("has no rows where there are no files", async () => {
    await succeeded("CREATE EXTERNAL TABLE shop.empty (a int) STORED AS PARQUET LOCATION 's3://lake/empty/'");
    expect(await rows("SELECT count(*), sum(a) FROM empty", { QueryExecutionContext: { Database: "shop" } })).toEqual([
      ["0", null],
    ]);
    expect(await rows("SELECT * FROM awsdatacatalog.shop.empty")).toEqual([]);
  });

  it("refuses a file whose type is not the table's", async () => {
    await parquet("s3://lake/typed/part-0", "SELECT 'x' AS a");
    await succeeded("CREATE EXTERNAL TABLE shop.typed (a int) STORED AS PARQUET LOCATION 's3://lake/typed/'");
    await fails("SELECT * FROM shop.typed", /^HIVE_BAD_DATA: Field a's type VARCHAR/);
  });

  it("knows registered partitions and other formats", async () => {
    await aws.s3.write("s3://lake/raw/day=1/a.csv", new TextEncoder().encode('id,name\n1,"x,y"\n2,\n'));
    await succeeded(`CREATE EXTERNAL TABLE shop.raw (id int, name string) PARTITIONED BY (day int)
      ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' WITH SERDEPROPERTIES ('separatorChar' = ',')
      LOCATION 's3://lake/raw/' TBLPROPERTIES ('skip.header.line.count'='1')`);
    expect(await rows("SELECT * FROM shop.raw")).toEqual([]);
    await succeeded("MSCK REPAIR TABLE shop.raw");
    expect(await rows("SELECT id, name, day FROM shop.raw WHERE day = 1 ORDER BY id")).toEqual([
      ["1", "x,y", "1"],
      ["2", null, "1"],
    ]);
  });

  it("names what it does not find", async () => {
    await fails("SELECT * FROM shop.nowhere", /^TABLE_NOT_FOUND/);
    await fails("SELECT missing FROM shop.sales", /^COLUMN_NOT_FOUND.*missing/);
  });

  it("shows and drops tables", async () => {
    await succeeded("CREATE SCHEMA IF NOT EXISTS other");
    await succeeded("CREATE EXTERNAL TABLE other.one (a int) STORED AS PARQUET LOCATION 's3://lake/one/'");
    const shown = await succeeded("SHOW TABLES IN other");
    const result = await aws.call<GetQueryResultsOutput>("GetQueryResults", {
      QueryExecutionId: shown.QueryExecutionId,
    });
    expect(result.ResultSet?.Rows).toEqual([{ Data: [{ VarCharValue: "one" }] }]);
    await succeeded("DROP TABLE other.one");
    await fails("DROP TABLE other.one", /Table not found/);
    await succeeded("DROP TABLE IF EXISTS other.one");
  });
});

describe("results", () => {
  it("answers a header row, text values, NULL as an empty datum, and the columns' types", async () => {
    const sql =
      "SELECT 1 AS a, CAST(NULL AS varchar) AS b, 1.50 AS c, 2e0 AS d, true, date '2026-01-02', timestamp '2026-01-02 03:04:05'";
    const query = await succeeded(sql);
    const result = await aws.call<GetQueryResultsOutput>("GetQueryResults", {
      QueryExecutionId: query.QueryExecutionId,
    });
    expect(result.ResultSet?.Rows).toEqual([
      { Data: ["a", "b", "c", "d", "_col4", "_col5", "_col6"].map((VarCharValue) => ({ VarCharValue })) },
      {
        Data: [
          { VarCharValue: "1" },
          {},
          ...["1.50", "2.0", "true", "2026-01-02", "2026-01-02 03:04:05.000"].map((VarCharValue) => ({ VarCharValue })),
        ],
      },
    ]);
    expect(result.ResultSet?.ResultSetMetadata?.ColumnInfo?.map((column) => column.Type)).toEqual([
      "integer",
      "varchar",
      "decimal",
      "double",
      "boolean",
      "date",
      "timestamp",
    ]);
  });

  it("writes the rows where the query says, as Athena writes them", async () => {
    const query = await succeeded(`SELECT 'say "x"' AS a, CAST(NULL AS integer) AS b`);
    const location = query.ResultConfiguration?.OutputLocation ?? "";
    expect(location).toBe(`s3://out/athena/${query.QueryExecutionId ?? ""}.csv`);
    expect(new TextDecoder().decode(await aws.s3.read(location))).toBe('"a","b"\n"say ""x""",\n');
  });

  it("pages", async () => {
    const query = await succeeded("SELECT x FROM (VALUES (1), (2), (3)) t(x) ORDER BY x");
    const first = await aws.call<GetQueryResultsOutput>("GetQueryResults", {
      ...{ QueryExecutionId: query.QueryExecutionId },
      MaxResults: 3,
    });
    const second = await aws.call<GetQueryResultsOutput>("GetQueryResults", {
      QueryExecutionId: query.QueryExecutionId,
      NextToken: first.NextToken,
    });
    expect([first.ResultSet?.Rows?.length, second.ResultSet?.Rows?.length, second.NextToken]).toEqual([
      3,
      1,
      undefined,
    ]);
  });
});

describe("dialect", () => {
  it.each([
    ["5 / 2", "2"],
    ["-5 / 2", "-2"],
    ["concat('a', NULL)", null],
    ["greatest(1, NULL)", null],
    ["date_diff('day', timestamp '2026-01-01 23:00:00', timestamp '2026-01-02 01:00:00')", "0"],
    ["date_add('day', -7, date '2026-01-08')", "2026-01-01"],
    ["date '2026-01-08' - interval '7' day", "2026-01-01"],
    ["date_parse('2026-01-02', '%Y-%m-%d')", "2026-01-02 00:00:00.000"],
    ["date_format(timestamp '2026-01-02 03:04:05', '%Y/%m/%d %H:%i:%s')", "2026/01/02 03:04:05"],
    ["sum(amount) FROM (VALUES (0.10), (0.20)) t(amount)", "0.30"],
    ["avg(x) FROM (VALUES (1), (2)) t(x)", "1.5"],
    ["json_extract_scalar('{\"a\":{\"b\":1}}', '$.a.b')", "1"],
    ["1e7", "1.0E7"],
    ["try_cast('x' AS integer)", null],
    ["cardinality(ARRAY[1, 2])", "2"],
  ])("SELECT %s is %s", async (expression, expected) => {
    expect(await rows(`SELECT ${expression}`)).toEqual([[expected]]);
  });

  it.each([
    ["1 / 0", /^DIVISION_BY_ZERO/],
    ["1.00 / 3", /^NOT_SUPPORTED: division of decimals/],
    ["avg(x) FROM (VALUES (1.5)) t(x)", /^NOT_SUPPORTED: avg of a decimal/],
    ["approx_distinct(1)", /^FUNCTION_NOT_FOUND.*approx_distinct/],
    ["format('%s', 1)", /^FUNCTION_NOT_FOUND.*format/],
    ["typeof(1)", /^FUNCTION_NOT_FOUND.*typeof/],
  ])("SELECT %s is refused", async (expression, reason) => {
    await fails(`SELECT ${expression}`, reason);
  });
});

describe("executions", () => {
  it("runs a request token once, also after a restart", async () => {
    const ClientRequestToken = "b".repeat(48);
    const id = await start("SELECT 1", { ClientRequestToken });
    expect(await start("SELECT 1", { ClientRequestToken })).toBe(id);
    await ended(id);
    aws = await aws.restarted();
    expect(await start("SELECT 1", { ClientRequestToken })).toBe(id);
    await expect(start("SELECT 2", { ClientRequestToken })).rejects.toThrow("Idempotent parameters do not match");
    expect(aws.service.remoteJobs().filter((job) => job.launchKey === ClientRequestToken)).toMatchObject([
      { id, state: "SUCCEEDED" },
    ]);
    expect(await rows("SELECT count(*) FROM shop.sales")).toEqual([["6"]]);
  });

  it("takes up a running query after a restart, and stops one when asked", async () => {
    const id = await start(counting(3_000));
    const endless = await start(counting(2_000_000_000));
    await eventually(
      () => execution(endless),
      (query) => query.Status?.State === "RUNNING",
    );
    aws = await aws.restarted();
    expect((await ended(id)).Status?.State).toBe("SUCCEEDED");
    await aws.call("StopQueryExecution", { QueryExecutionId: endless });
    expect((await ended(endless)).Status?.State).toBe("CANCELLED");
    await aws.call("StopQueryExecution", { QueryExecutionId: endless });
  });

  it("describes many at once and says which it does not know", async () => {
    const id = (await succeeded("SELECT 1")).QueryExecutionId ?? "";
    const answer = await aws.call<{ QueryExecutions: QueryExecution[]; UnprocessedQueryExecutionIds: object[] }>(
      "BatchGetQueryExecution",
      { QueryExecutionIds: [id, "unknown"] },
    );
    expect(answer.QueryExecutions.map((query) => query.QueryExecutionId)).toEqual([id]);
    expect(answer.UnprocessedQueryExecutionIds).toMatchObject([{ QueryExecutionId: "unknown" }]);
  });

  it("needs an output location and a statement it runs", async () => {
    const refused = { code: "InvalidRequestException" };
    await expect(aws.call("StartQueryExecution", { QueryString: "SELECT 1" })).rejects.toMatchObject(refused);
    await expect(start("GRANT ALL")).rejects.toMatchObject({
      ...refused,
      members: { AthenaErrorCode: "MALFORMED_QUERY" },
    });
    await expect(start("SELECT 1", { WorkGroup: "other" })).rejects.toThrow("WorkGroup is not found.");
    await aws.call("CreateWorkGroup", {
      Name: "other",
      Configuration: { ResultConfiguration: { OutputLocation: "s3://out/other/" } },
    });
    const id = await start("SELECT ? AS a", {
      WorkGroup: "other",
      ResultConfiguration: undefined,
      ExecutionParameters: ["'x'"],
    });
    expect((await ended(id)).ResultConfiguration?.OutputLocation).toBe(`s3://out/other/${id}.csv`);
  });
});
