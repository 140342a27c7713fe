import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SubmitContext } from "../../engine/core/operator.ts";
import { withValues } from "../../operators/aws/athena/statement-text.ts";
import { judge } from "../../operators/athena-check/expectation.ts";
import { athenaCheck } from "../../operators/athena-check/operator.ts";
import { athenaCheckFacts } from "../../operators/athena-check/params.ts";
import { athenaQuery } from "../../operators/athena-query/operator.ts";
import { athenaQueryFacts } from "../../operators/athena-query/params.ts";
import { connectionTo, contextOf, never, observed } from "./contexts.ts";
import { startStubAws, type Answer, type StubAws } from "./stub-aws.ts";

let aws: StubAws;
let context: SubmitContext;
const on = (operation: string, answer: (input: Record<string, unknown>) => Answer): void =>
  aws.on(`AmazonAthena.${operation}`, answer);

beforeEach(async () => {
  aws = await startStubAws();
  context = contextOf(connectionTo(aws.url), { files: { "q.sql": "SELECT n FROM t WHERE dt = '${ds}';\n" } });
  on("StartQueryExecution", () => ({ json: { QueryExecutionId: "q" } }));
});
afterEach(() => aws.stop());

const cells = (...values: (string | null)[]): object => ({
  Data: values.map((value) => (value === null ? {} : { VarCharValue: value })),
});
const results = (...rows: (string | null)[][]): Answer => ({
  json: {
    ResultSet: {
      ResultSetMetadata: { ColumnInfo: (rows[0] ?? []).map((Name) => ({ Name, Type: "varchar" })) },
      Rows: rows.map((row) => cells(...row)),
    },
  },
});

const looked = async (query: object, operator: typeof athenaQuery = athenaQuery) => {
  on("BatchGetQueryExecution", () => ({
    json: { QueryExecutions: [{ QueryExecutionId: "q", StatementType: "DML", ...query }] },
  }));
  return (await operator.observe([observed({ query_execution_id: "q" }, context)], never))[0];
};

describe("athena.query", () => {
  it("starts the statement with its values, under the launch key", async () => {
    const params = athenaQueryFacts.params.parse({ file: "q.sql", values: { ds: "2026-01-01" }, database: "sales" });
    expect(await athenaQuery.submit(params, context)).toEqual({ kind: "started", ref: { query_execution_id: "q" } });
    expect(aws.calls[0]?.input).toEqual({
      QueryString: "SELECT n FROM t WHERE dt = '2026-01-01'",
      ClientRequestToken: context.launchKey,
      WorkGroup: "primary",
      QueryExecutionContext: { Database: "sales" },
      ResultConfiguration: { OutputLocation: "s3://artifacts/athena/" },
    });
  });

  it.each(["QUEUED", "RUNNING"])("is running while it is %s", async (State) => {
    expect(await looked({ Status: { State } })).toMatchObject({ kind: "running", detail: State });
  });

  it.each([
    [
      { State: "FAILED", StateChangeReason: "SYNTAX_ERROR: line 1", AthenaError: { ErrorCategory: 2 } },
      "permanent",
      "JOB_FAILED",
    ],
    [
      { State: "FAILED", StateChangeReason: "GENERIC_INTERNAL_ERROR", AthenaError: { ErrorCategory: 1 } },
      "retryable",
      "JOB_FAILED",
    ],
    [
      { State: "FAILED", StateChangeReason: "busy", AthenaError: { ErrorCategory: 3, Retryable: true } },
      "retryable",
      "JOB_FAILED",
    ],
    [{ State: "FAILED", StateChangeReason: "Access Denied (Service: Amazon S3)" }, "denied", "AWS_DENIED"],
    [{ State: "CANCELLED", StateChangeReason: "Bytes scanned limit was exceeded" }, "permanent", "CANCELLED"],
    [{ State: "SOMETHING_NEW" }, "permanent", "UNKNOWN_STATUS"],
  ])("%j is %s", async (Status, failureClass, code) => {
    expect(await looked({ Status })).toMatchObject({ kind: "failed", failure: { class: failureClass, code } });
  });

  it("answers its rows without the header, and at least ten megabytes", async () => {
    on("GetQueryResults", () => results(["n", "m"], ["1", null]));
    expect(await looked({ Status: { State: "SUCCEEDED" }, Statistics: { DataScannedInBytes: 5 } })).toEqual({
      kind: "succeeded",
      output: { rows: [{ n: "1", m: null }], truncated: false, query_execution_id: "q" },
      usage: [{ kind: "athena.tb_scanned", quantity: "0.000009536743", unit: "TB" }],
    });
  });

  it("bills nothing for DDL, for what failed and for a result that was reused", async () => {
    on("GetQueryResults", () => results(["n"]));
    const succeeded = { Status: { State: "SUCCEEDED" } };
    const reused = { ResultReuseInformation: { ReusedPreviousResult: true }, DataScannedInBytes: 0 };
    expect(await looked({ ...succeeded, StatementType: "DDL" })).toMatchObject({ usage: [] });
    expect(await looked({ ...succeeded, Statistics: reused })).toMatchObject({ usage: [] });
    expect(await looked({ Status: { State: "FAILED" }, Statistics: { DataScannedInBytes: 1e9 } })).toMatchObject({
      usage: [],
    });
    expect(
      await looked({ Status: { State: "CANCELLED" }, Statistics: { DataScannedInBytes: 1024 ** 4 } }),
    ).toMatchObject({
      usage: [{ quantity: "1" }],
    });
  });

  it("tells what it has scanned so far while it runs", async () => {
    const Statistics = { DataScannedInBytes: 1024 ** 4 };
    expect(await looked({ Status: { State: "RUNNING" }, Statistics })).toEqual({
      kind: "running",
      detail: "RUNNING",
      usage: [{ kind: "athena.tb_scanned", quantity: "1", unit: "TB" }],
    });
  });

  it("keeps the first hundred rows", async () => {
    on("GetQueryResults", () => results(["n"], ...Array.from({ length: 101 }, (_, index) => [String(index)])));
    const look = await looked({ Status: { State: "SUCCEEDED" } });
    expect(look).toMatchObject({ output: { truncated: true, rows: { length: 100 } } });
  });

  it("is unseen when Athena does not know the id, whatever else was asked for", async () => {
    on("BatchGetQueryExecution", ({ QueryExecutionIds }) =>
      (QueryExecutionIds as string[]).includes("gone")
        ? { error: "InvalidRequestException", message: "QueryExecution gone was not found" }
        : { json: { QueryExecutions: [{ QueryExecutionId: "a", Status: { State: "RUNNING" } }] } },
    );
    const jobs = ["gone", "a"].map((id) => observed({ query_execution_id: id }, context));
    expect((await athenaQuery.observe(jobs, never)).map((look) => look.kind)).toEqual(["unseen", "running"]);
  });
});

describe("values in a statement", () => {
  it("stand where their name stands", () => {
    expect(withValues("SELECT '${a}', ${b} FROM ${a};", { a: "2026-01-01", b: 2 })).toBe(
      "SELECT '2026-01-01', 2 FROM 2026-01-01",
    );
  });

  it.each(["x' OR '1'='1", "a;b", "a\\", "a--b", "/*", "a\nb", 'a"b', "a`b", "(1)"])(
    "are refused when SQL could read them: %j",
    (value) => {
      expect(() => withValues("SELECT '${a}'", { a: value })).toThrow("holds what SQL could read");
    },
  );

  it("are all needed and all there", () => {
    expect(() => withValues("SELECT ${a}", {})).toThrow("values holds no a");
    expect(() => withValues("SELECT 1", { a: 1 })).toThrow("the statement has no ${a}");
  });
});

describe("athena.check", () => {
  const table = (...values: (string | null)[]) => ({
    columns: ["net_sales", "n"],
    rows: [{ net_sales: values[0] ?? null, n: "1" }],
  });

  it.each([
    ["10.00", { equals: "10" }],
    ["10", { equals: 10 }],
    ["0.1", { at_most: 0.1 }],
    ["12345678901234567890.01", { equals: "12345678901234567890.01" }],
    ["open", { equals: "open" }],
    ["-1", { at_least: "-1.0" }],
  ])("%s fits %j", (value, expected) => {
    expect(judge(table(value), expected)).toMatchObject({ ok: true, column: "net_sales", value });
  });

  it.each([
    ["9.99", { equals: "10.00" }, "expected net_sales to equal 10.00, got 9.99"],
    [
      "12345678901234567890.02",
      { equals: "12345678901234567890.01" },
      "expected net_sales to equal 12345678901234567890.01, got 12345678901234567890.02",
    ],
    ["0.06", { at_most: 0.05 }, "expected net_sales to be at most 0.05, got 0.06"],
    ["NaN", { at_least: 1 }, "expected net_sales to be at least 1, got NaN"],
    [null, { equals: "0" }, "expected net_sales to equal 0, got NULL"],
    ["1", { column: "x", equals: 1 }, "the query has no column x; it has net_sales, n"],
  ])("%s does not fit %j", (value, expected, why) => {
    expect(judge(table(value), expected)).toEqual({ ok: false, why });
  });

  it("takes null_as for a NULL, not for a row that is missing", () => {
    expect(judge(table(null), { equals: "0.00", null_as: "0" })).toMatchObject({ ok: true, value: "0" });
    expect(judge({ columns: ["n"], rows: [] }, { equals: "0", null_as: "0" })).toMatchObject({
      why: "expected n to equal 0, got no row",
    });
  });

  it("fails for good with both values", async () => {
    on("GetQueryResults", () => results(["net_sales"], ["9.99"]));
    const params = athenaCheckFacts.params.parse({ sql: "SELECT net_sales FROM t", expect: { equals: "10.00" } });
    const started = await athenaCheck.submit(params, context);
    if (started.kind !== "started") throw new Error(started.kind);
    on("BatchGetQueryExecution", () => ({
      json: { QueryExecutions: [{ QueryExecutionId: "q", StatementType: "DML", Status: { State: "SUCCEEDED" } }] },
    }));
    const [look] = await athenaCheck.observe([observed(started.ref, context)], never);
    expect(look).toMatchObject({
      kind: "failed",
      failure: { class: "permanent", code: "CHECK_FAILED", message: "expected net_sales to equal 10.00, got 9.99" },
    });
  });

  it("wants exactly one comparison", () => {
    const parse = (expectation: object) =>
      athenaCheckFacts.params.safeParse({ sql: "SELECT 1", expect: expectation }).success;
    expect([parse({}), parse({ equals: 1, at_most: 1 }), parse({ at_most: "x" }), parse({ at_most: "0.05" })]).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});
