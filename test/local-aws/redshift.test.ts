import { randomUUID } from "node:crypto";
import { DuckDBInstance } from "@duckdb/node-api";
import type { DescribeStatementResponse, Field, GetStatementResultResponse } from "@aws-sdk/client-redshift-data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRedshiftData } from "../../deploy/local-aws/redshift/service.ts";
import { eventually, startService } from "./service-under-test.ts";
import type { ServiceUnderTest } from "./service-under-test.ts";

const TARGET = { WorkgroupName: "nightly", Database: "dev" };
const ENDED = ["FINISHED", "FAILED", "ABORTED"];
let aws: ServiceUnderTest;

const ended = (id: string) =>
  eventually(
    () => aws.call<DescribeStatementResponse>("DescribeStatement", { Id: id }),
    (statement) => ENDED.includes(statement.Status ?? ""),
  );

async function batch(...Sqls: string[]): Promise<DescribeStatementResponse> {
  const { Id } = await aws.call<{ Id: string }>("BatchExecuteStatement", { ...TARGET, Sqls });
  return ended(Id);
}

async function sql(Sql: string, parameters: Record<string, string> = {}): Promise<DescribeStatementResponse> {
  const Parameters = Object.entries(parameters).map(([name, value]) => ({ name, value }));
  const { Id } = await aws.call<{ Id: string }>("ExecuteStatement", { ...TARGET, Sql, Parameters });
  return ended(Id);
}

const valueOf = (field: Field): unknown => (field.isNull ? null : Object.values(field)[0]);

async function rows(Sql: string, parameters: Record<string, string> = {}): Promise<unknown[][]> {
  const statement = await sql(Sql, parameters);
  expect(statement.Error).toBeUndefined();
  const result = await aws.call<GetStatementResultResponse>("GetStatementResult", { Id: statement.Id });
  return (result.Records ?? []).map((record) => record.map(valueOf));
}

async function ok(...sqls: string[]): Promise<void> {
  const statement = await batch(...sqls);
  expect(statement.Error).toBeUndefined();
  expect(statement.Status).toBe("FINISHED");
}

async function fails(Sql: string, text: RegExp): Promise<void> {
  const statement = await sql(Sql);
  expect(statement.Status).toBe("FAILED");
  expect(statement.Error).toMatch(text);
}

/** A query that takes a while, thousands of rounds a second. */
const counting = (rounds: number): string =>
  `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${rounds}) SELECT max(x) FROM n`;

/** Writes rows as a Parquet object. */
async function parquet(uri: string, select: string): Promise<void> {
  await aws.s3.write(uri, new Uint8Array());
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`COPY (${select}) TO '${aws.s3.pathOf(uri)}' (FORMAT parquet)`);
  connection.closeSync();
}

const put = (uri: string, text: string): Promise<void> => aws.s3.write(uri, new TextEncoder().encode(text));

beforeAll(async () => {
  aws = await startService(createRedshiftData);
});
afterAll(() => aws.stop());

describe("statements", () => {
  it("answers typed fields and the columns' metadata", async () => {
    const statement = await sql(
      "SELECT 1 AS Whole, 2.50::decimal(10,2) AS money, 'x' AS text, true AS yes, NULL AS none, 1.5::float8 AS real, date '2026-01-02' AS day",
    );
    expect(statement).toMatchObject({ HasResultSet: true, ResultRows: 1, Status: "FINISHED" });
    expect(statement.Duration).toBeGreaterThanOrEqual(0);
    const result = await aws.call<GetStatementResultResponse>("GetStatementResult", { Id: statement.Id });
    expect(result.Records).toEqual([
      [
        { longValue: 1 },
        { stringValue: "2.50" },
        { stringValue: "x" },
        { booleanValue: true },
        { isNull: true },
        { doubleValue: 1.5 },
        { stringValue: "2026-01-02" },
      ],
    ]);
    expect(result.ColumnMetadata?.slice(0, 2)).toMatchObject([
      { name: "whole", typeName: "int4" },
      { name: "money", typeName: "numeric", precision: 10, scale: 2 },
    ]);
  });

  it("runs a client token once, also after a restart", async () => {
    const ClientToken = "a".repeat(48);
    const input = { ...TARGET, Sql: "CREATE TABLE once (id int)", ClientToken, StatementName: ClientToken };
    const first = await aws.call<{ Id: string }>("ExecuteStatement", input);
    const again = await aws.call<{ Id: string }>("ExecuteStatement", input);
    expect(again.Id).toBe(first.Id);
    expect((await ended(first.Id)).Status).toBe("FINISHED");
    aws = await aws.restarted();
    expect((await aws.call<{ Id: string }>("ExecuteStatement", input)).Id).toBe(first.Id);
    expect((await ended(first.Id)).Status).toBe("FINISHED");
    const jobs = aws.service.remoteJobs().filter((job) => job.launchKey === ClientToken);
    expect(jobs).toMatchObject([{ id: first.Id, state: "FINISHED" }]);
  });

  it("finishes what was running when it stopped, and a committed statement is not run again", async () => {
    await ok("CREATE TABLE counted (n bigint)");
    const Sqls = ["INSERT INTO counted VALUES (1)", counting(3_000)];
    const { Id } = await aws.call<{ Id: string }>("BatchExecuteStatement", { ...TARGET, Sqls });
    await eventually(
      () => aws.call<DescribeStatementResponse>("DescribeStatement", { Id: `${Id}:2` }),
      (statement) => statement.Status === "STARTED",
    );
    aws = await aws.restarted();
    expect(await ended(Id)).toMatchObject({
      Status: "FINISHED",
      SubStatements: [{ ResultRows: 1 }, { ResultRows: 1 }],
    });
    aws = await aws.restarted();
    aws = await aws.restarted();
    expect(await rows("SELECT count(*) FROM counted")).toEqual([[1]]);
  });

  it("does not run again what was committed, when the kill came before its end was written down", async () => {
    await ok("CREATE TABLE twice (id int)");
    const { Id } = await aws.call<{ Id: string }>("ExecuteStatement", {
      ...TARGET,
      Sql: "INSERT INTO twice VALUES (1)",
    });
    await ended(Id);
    const asWritten = aws.journal.all("redshift-statement").get(Id) as object;
    aws.journal.put("redshift-statement", Id, { ...asWritten, state: "SUBMITTED", endedAt: null, results: [] });
    aws = await aws.restarted();
    expect(await ended(Id)).toMatchObject({ Status: "FINISHED", ResultRows: 1 });
    expect(await rows("SELECT count(*) FROM twice")).toEqual([[1]]);
  });

  it("rolls the whole batch back when one statement fails, and says which", async () => {
    await ok("CREATE TABLE rolled (id int)");
    const failed = await batch("INSERT INTO rolled VALUES (1)", "SELECT * FROM nowhere");
    expect(failed).toMatchObject({
      Status: "FAILED",
      Error: 'Query #2 failed with ERROR: relation "nowhere" does not exist',
      SubStatements: [{ Status: "ABORTED" }, { Status: "FAILED" }],
    });
    expect(await rows("SELECT count(*) FROM rolled")).toEqual([[0]]);
  });

  it("keeps what a TRUNCATE committed", async () => {
    await ok("CREATE TABLE kept (id int)", "CREATE TABLE emptied (id int)", "INSERT INTO emptied VALUES (1)");
    const failed = await batch("INSERT INTO kept VALUES (1)", "TRUNCATE emptied", "SELECT 1/0");
    expect(failed.Error).toMatch(/Divide by zero/);
    expect(await rows("SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM emptied)")).toEqual([[1, 0]]);
  });

  it("cancels a running statement and undoes it", async () => {
    await ok("CREATE TABLE undone (n bigint)");
    const { Id } = await aws.call<{ Id: string }>("BatchExecuteStatement", {
      ...TARGET,
      Sqls: ["INSERT INTO undone VALUES (1)", counting(2_000_000_000)],
    });
    await eventually(
      () => aws.call<DescribeStatementResponse>("DescribeStatement", { Id: `${Id}:2` }),
      (statement) => statement.Status === "STARTED",
    );
    await aws.call("CancelStatement", { Id });
    expect((await ended(Id)).Status).toBe("ABORTED");
    await expect(aws.call("CancelStatement", { Id })).rejects.toThrow(/already in ABORTED state/);
    expect(await rows("SELECT count(*) FROM undone")).toEqual([[0]]);
  });

  it("lists by name prefix and state, newest first, in pages", async () => {
    const name = `list-${randomUUID()}`;
    for (const suffix of ["a", "b", "c"]) {
      const input = { ...TARGET, Sql: "SELECT 1", StatementName: `${name}-${suffix}` };
      await ended((await aws.call<{ Id: string }>("ExecuteStatement", input)).Id);
    }
    const page = await aws.call<{ Statements: { StatementName: string }[]; NextToken: string }>("ListStatements", {
      StatementName: name,
      Status: "ALL",
      MaxResults: 2,
    });
    expect(page.Statements.map((statement) => statement.StatementName)).toEqual([`${name}-c`, `${name}-b`]);
    const next = await aws.call<{ Statements: object[]; NextToken?: string }>("ListStatements", {
      StatementName: name,
      NextToken: page.NextToken,
      MaxResults: 2,
    });
    expect(next.Statements).toHaveLength(1);
    expect(next.NextToken).toBeUndefined();
  });

  it("does not know other ids", async () => {
    await expect(aws.call("DescribeStatement", { Id: randomUUID() })).rejects.toMatchObject({
      code: "ResourceNotFoundException",
      httpStatus: 404,
    });
  });
});

describe("dialect", () => {
  it("binds parameters by their text, whatever it holds", async () => {
    expect(await rows("SELECT :a AS a, 1 = :n AS n", { a: "o'clock; --", n: "1" })).toEqual([["o'clock; --", true]]);
  });

  it("divides whole numbers whole, and refuses what it could not divide exactly", async () => {
    expect(await rows("SELECT 5/2, -5/2, 5::float8/2, 7 % 4")).toEqual([[2, -2, 2.5, 3]]);
    await fails("SELECT 1.00/3", /division of NUMERIC is not available/);
    await fails("SELECT avg(x) FROM (SELECT 1.5::decimal(8,2) AS x) t", /AVG of NUMERIC is not available/);
    await fails("SELECT 1/0", /^ERROR: Divide by zero/);
  });

  it("sums exactly, with Redshift's types", async () => {
    await ok(
      "CREATE TABLE sums (i int, b bigint, d decimal(18,2))",
      "INSERT INTO sums VALUES (1, 2, 0.10), (2, 3, 0.20)",
    );
    expect(await rows("SELECT sum(i), sum(b), sum(d), avg(i), count(*) FROM sums")).toEqual([[3, "5", "0.30", 1, 2]]);
  });

  it("sorts nulls last ascending and first descending", async () => {
    expect(await rows("SELECT x FROM (SELECT 1 AS x UNION ALL SELECT NULL) t ORDER BY x")).toEqual([[1], [null]]);
    expect(await rows("SELECT x FROM (SELECT 1 AS x UNION ALL SELECT NULL) t ORDER BY x DESC")).toEqual([[null], [1]]);
  });

  it("takes storage clauses, keys, identity and temporary tables", async () => {
    await ok(
      `CREATE TABLE IF NOT EXISTS storage (id bigint IDENTITY(10, 5) PRIMARY KEY, name varchar(3) NOT NULL ENCODE zstd DISTKEY,
       at timestamp DEFAULT getdate(), amount numeric(12,2) DEFAULT 0, UNIQUE (name)) DISTSTYLE KEY COMPOUND SORTKEY (id, name)`,
      "INSERT INTO storage (name) VALUES ('a'), ('a')",
      "CREATE TEMP TABLE copied (LIKE storage)",
      "CREATE TABLE #hash AS SELECT * FROM storage",
      "INSERT INTO copied SELECT * FROM #hash",
    );
    expect(await rows("SELECT id, name, amount FROM public.storage ORDER BY id")).toEqual([
      [10, "a", "0.00"],
      [15, "a", "0.00"],
    ]);
    await fails("INSERT INTO storage (name) VALUES ('long')", /value too long for type character varying\(3\)/);
    await fails("SELECT * FROM copied", /relation "copied" does not exist/);
  });

  it("translates what was tried and refuses other functions by name", async () => {
    expect(
      await rows(
        "SELECT TOP 1 dateadd(day, 1, date '2026-01-31')::date AS d, datediff(day, '2026-01-01'::date, '2026-01-31'::date) AS n, nvl(NULL, 2) AS v, concat('a', NULL) AS c FROM (SELECT 1) t",
      ),
    ).toEqual([["2026-02-01", 30, 2, null]]);
    await fails("SELECT to_char(date '2026-01-01', 'YYYY')", /to_char/i);
    await fails("SELECT approx_count_distinct(1)", /function approx_count_distinct is not available in local-aws/);
    await fails("VACUUM", /VACUUM is not available in local-aws/);
  });
});

describe("MERGE", () => {
  const merge = (using: string, on = "mart.id = s.id", clauses = "") =>
    `MERGE INTO mart USING ${using} ON ${on} ${clauses || "WHEN MATCHED THEN UPDATE SET total = s.total WHEN NOT MATCHED THEN INSERT (id, total) VALUES (s.id, s.total)"}`;

  it("updates and inserts, again and again with the same end", async () => {
    await ok(
      "CREATE TABLE mart (id int, total decimal(18,2))",
      "CREATE TABLE staged (id int, total decimal(18,2))",
      "INSERT INTO mart VALUES (1, 1)",
      "INSERT INTO staged VALUES (1, 10.5), (2, 20.5)",
    );
    await ok(merge("staged s"));
    await ok(merge("staged AS s"));
    expect(await rows("SELECT * FROM mart ORDER BY id")).toEqual([
      [1, "10.50"],
      [2, "20.50"],
    ]);
  });

  it("refuses what Redshift refuses", async () => {
    await fails(merge("(SELECT * FROM staged) s"), /syntax error at or near "\("/);
    await fails(merge("staged s").replace("INTO mart", "INTO mart m"), /syntax error at or near "m"/);
    await fails(merge("staged s", "mart.id = s.id", "WHEN MATCHED THEN DELETE"), /WHEN NOT MATCHED/);
    await fails(
      merge("staged s", "mart.id = s.id", "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.total)"),
      /requires a WHEN MATCHED/,
    );
    await fails(merge("staged s").replace("WHEN MATCHED THEN", "WHEN MATCHED AND s.id > 1 THEN"), /near "AND"/);
    await ok("CREATE VIEW seen AS SELECT * FROM staged");
    await fails(merge("seen s"), /must be a table/);
    await ok("INSERT INTO staged VALUES (1, 11)");
    await fails(merge("staged s"), /Found multiple matches to update the same tuple/);
  });
});

describe("COPY", () => {
  const load = (from: string, options: string) =>
    `COPY loaded FROM 's3://lake/${from}' IAM_ROLE 'arn:aws:iam::0:role/x' ${options}`;

  beforeAll(() => ok("CREATE TABLE loaded (id int, name varchar(10), amount decimal(18,2))"));

  it("loads Parquet by position and counts what it loaded", async () => {
    await parquet("s3://lake/p/dt=1/part-0", "SELECT 1::int AS a, 'x' AS b, 1.50::decimal(18,2) AS c");
    await parquet("s3://lake/p/dt=1/part-1", "SELECT 2::int AS other, 'y' AS names, 2.50::decimal(18,2) AS here");
    const loaded = await batch(
      "DELETE FROM loaded",
      load("p/dt=1/part-", "FORMAT AS PARQUET"),
      "SELECT count(*), sum(amount) FROM loaded",
      "SELECT pg_last_copy_count()",
    );
    expect(loaded.Error).toBeUndefined();
    const counts = await Promise.all(
      [3, 4].map((n) => aws.call<GetStatementResultResponse>("GetStatementResult", { Id: `${loaded.Id ?? ""}:${n}` })),
    );
    expect(counts.map((result) => result.Records)).toEqual([
      [[{ longValue: 2 }, { stringValue: "4.00" }]],
      [[{ longValue: 2 }]],
    ]);
    expect(loaded.SubStatements?.[1]).toMatchObject({ ResultRows: 2, HasResultSet: false });
  });

  it("refuses Parquet of another shape, an empty prefix and unknown options", async () => {
    await parquet("s3://lake/wide/part-0", "SELECT 1::int AS a, 'x' AS b");
    await fails(load("wide/", "PARQUET"), /Unmatched number of columns.*Table columns: 3, Data columns: 2/);
    await parquet("s3://lake/typed/part-0", "SELECT 1::bigint AS a, 'x' AS b, 1.5::decimal(18,2) AS c");
    await fails(load("typed/", "PARQUET"), /incompatible Parquet schema for column 'loaded.id'/);
    await parquet("s3://lake/done/part-0", "SELECT 1::int AS a, 'x' AS b, 1.5::decimal(18,2) AS c");
    await put("s3://lake/done/_SUCCESS", "");
    await fails(load("done/", "PARQUET"), /_SUCCESS' is not a Parquet file/);
    await fails(load("nothing/", "PARQUET"), /The specified S3 prefix 'nothing\/' does not exist/);
    await fails(load("p/", "PARQUET MAXERROR 3"), /MAXERROR argument is not supported for PARQUET based COPY/);
    await fails(load("p/", "CSV SSH"), /COPY option SSH is not available/);
  });

  it("loads CSV and names line, column and reason of what it cannot read", async () => {
    await put("s3://lake/csv/a.csv", 'id,name,amount\n1,"a,b",1.50\n2,,2.50\n');
    await ok("DELETE FROM loaded", load("csv/", "FORMAT CSV IGNOREHEADER 1"));
    expect(await rows("SELECT * FROM loaded ORDER BY id")).toEqual([
      [1, "a,b", "1.50"],
      [2, "", "2.50"],
    ]);
    await ok("DELETE FROM loaded", load("csv/", "CSV IGNOREHEADER AS 1 EMPTYASNULL"));
    expect(await rows("SELECT name FROM loaded WHERE id = 2")).toEqual([[null]]);
    await put("s3://lake/bad/a.csv", "1,a,1.50\nx,b,2.50\n3,c,3.50\n");
    await fails(
      load("bad/", "CSV"),
      /Load into table 'loaded' failed.*s3:\/\/lake\/bad\/a.csv line 2, column "?id"?: .*x/,
    );
    await ok("DELETE FROM loaded", load("bad/", "CSV MAXERROR 1"));
    expect(await rows("SELECT count(*) FROM loaded")).toEqual([[2]]);
  });

  it("loads delimited text, JSON lines and a manifest", async () => {
    await put("s3://lake/text/a", "1|x|1.50\n2|y|2.50\n");
    await put("s3://lake/json/a", '{"id":3,"name":"z","amount":3.5}\n');
    await put("s3://lake/list.manifest", '{"entries":[{"url":"s3://lake/text/a","mandatory":true}]}');
    await ok("DELETE FROM loaded", load("text/", ""), load("json/", "JSON 'auto'"), load("list.manifest", "MANIFEST"));
    expect(await rows("SELECT count(*), sum(amount) FROM loaded")).toEqual([[5, "11.50"]]);
  });

  it("unloads and does not overwrite unasked", async () => {
    const unload =
      "UNLOAD ('SELECT * FROM loaded WHERE name = ''z''') TO 's3://lake/out/x-' IAM_ROLE default CSV HEADER";
    await ok(unload);
    expect(new TextDecoder().decode(await aws.s3.read("s3://lake/out/x-0000_part_00"))).toBe(
      "id,name,amount\n3,z,3.50\n",
    );
    await fails(unload, /Specified unload destination on S3 is not empty/);
    await ok(`${unload} ALLOWOVERWRITE`);
  });

  it("keeps a home of its own for each database", async () => {
    const { Id } = await aws.call<{ Id: string }>("ExecuteStatement", {
      ClusterIdentifier: "nightly",
      Database: "dev",
      DbUser: "admin",
      Sql: "SELECT * FROM loaded",
    });
    expect((await ended(Id)).Error).toBe('ERROR: relation "loaded" does not exist');
  });
});
