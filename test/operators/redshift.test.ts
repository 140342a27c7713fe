import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SubmitContext } from "../../engine/core/operator.ts";
import { splitStatements } from "../../operators/aws/redshift/split-statements.ts";
import { redshiftCopy } from "../../operators/redshift-copy/operator.ts";
import { redshiftCopyFacts } from "../../operators/redshift-copy/params.ts";
import { redshiftMerge } from "../../operators/redshift-merge/operator.ts";
import { redshiftMergeFacts } from "../../operators/redshift-merge/params.ts";
import { redshiftSql } from "../../operators/redshift-sql/operator.ts";
import { redshiftSqlFacts } from "../../operators/redshift-sql/params.ts";
import { connectionTo, contextOf, never, observed } from "./contexts.ts";
import { startStubAws, type Answer, type StubAws } from "./stub-aws.ts";

let aws: StubAws;
let context: SubmitContext;
const on = (operation: string, answer: (input: Record<string, unknown>) => Answer): void =>
  aws.on(`RedshiftData.${operation}`, answer);
const sent = () => aws.calls.find((call) => call.operation === "RedshiftData.BatchExecuteStatement")?.input;

beforeEach(async () => {
  aws = await startStubAws();
  context = contextOf(connectionTo(aws.url), { files: { "a.sql": "SELECT 1; -- one;\nSELECT ';';\n-- end\n" } });
  on("BatchExecuteStatement", () => ({ json: { Id: "q" } }));
});
afterEach(() => aws.stop());

describe("redshift.sql", () => {
  it("sends one batch under the launch key, as name and as token", async () => {
    const params = redshiftSqlFacts.params.parse({ file: "a.sql", parameters: { n: 1 } });
    expect(await redshiftSql.submit(params, context)).toEqual({ kind: "started", ref: { statement_id: "q" } });
    expect(sent()).toEqual({
      WorkgroupName: "local",
      Database: "dev",
      Sqls: ["SELECT 1", "-- one;\nSELECT ';'"],
      Parameters: [{ name: "n", value: "1" }],
      StatementName: context.launchKey,
      ClientToken: context.launchKey,
      WithEvent: true,
    });
  });

  it("wants either statements or a file", () => {
    const both = redshiftSqlFacts.params.safeParse({ statements: ["SELECT 1"], file: "a.sql" });
    expect([both.success, redshiftSqlFacts.params.safeParse({}).success]).toEqual([false, false]);
  });

  const looked = async (statement: object) => {
    on("DescribeStatement", () => ({ json: { Id: "q", ...statement } }));
    return (await redshiftSql.observe([observed({ statement_id: "q" }, context)], never))[0];
  };

  it.each(["SUBMITTED", "PICKED", "STARTED"])("is running while it is %s", async (Status) => {
    expect(await looked({ Status })).toMatchObject({ kind: "running", detail: Status });
  });

  it.each([
    ["FAILED", 'ERROR: relation "x" does not exist', "permanent", "JOB_FAILED"],
    ["FAILED", "ERROR: 1023 DETAIL: Serializable isolation violation on table", "retryable", "JOB_FAILED"],
    ["FAILED", "ERROR: permission denied for relation x", "denied", "AWS_DENIED"],
    ["ABORTED", "Query cancelled", "permanent", "CANCELLED"],
    ["SOMETHING_NEW", "what", "permanent", "UNKNOWN_STATUS"],
  ])("%s with %s is %s", async (Status, Error, failureClass, code) => {
    expect(await looked({ Status, Error })).toMatchObject({ kind: "failed", failure: { class: failureClass, code } });
  });

  it("answers the rows of the last statement that has some, as text, and at least a minute of RPUs", async () => {
    on("GetStatementResult", ({ Id, NextToken }) => {
      expect(Id).toBe("q:1");
      const ColumnMetadata = [{ name: "store" }, { label: "net" }, { name: "n" }];
      return NextToken === undefined
        ? {
            json: {
              ColumnMetadata,
              Records: [[{ longValue: 3 }, { stringValue: "10.00" }, { isNull: true }]],
              NextToken: "2",
            },
          }
        : { json: { ColumnMetadata, Records: [[{ longValue: 4 }, { stringValue: "1.50" }, { booleanValue: true }]] } };
    });
    const SubStatements = [
      { Id: "q:1", HasResultSet: true },
      { Id: "q:2", HasResultSet: false },
    ];
    expect(await looked({ Status: "FINISHED", HasResultSet: true, Duration: 1_500_000_000, SubStatements })).toEqual({
      kind: "succeeded",
      output: {
        rows: [
          { store: "3", net: "10.00", n: null },
          { store: "4", net: "1.50", n: "true" },
        ],
        row_count: 2,
      },
      usage: [{ kind: "redshift.rpu_hour", quantity: "0.133333333333", unit: "RPU-hour" }],
    });
  });

  it("fails rather than keep more than 64 KiB", async () => {
    on("GetStatementResult", () => ({
      json: { ColumnMetadata: [{ name: "t" }], Records: [[{ stringValue: "x".repeat(70_000) }]] },
    }));
    expect(await looked({ Status: "FINISHED", HasResultSet: true })).toMatchObject({
      kind: "failed",
      failure: { class: "permanent", message: expect.stringContaining("64 KiB") as string },
    });
  });

  it("is looked at by one list when there are several; only what does not run is described", async () => {
    on("ListStatements", () => ({
      json: {
        Statements: [
          { Id: "a", Status: "STARTED" },
          { Id: "b", Status: "FINISHED" },
        ],
      },
    }));
    on("DescribeStatement", ({ Id }) =>
      Id === "b" ? { json: { Id, Status: "FINISHED" } } : { error: "ResourceNotFoundException", status: 404 },
    );
    const jobs = ["a", "gone", "b"].map((statement_id) => observed({ statement_id }, context));
    const looks = await redshiftSql.observe(jobs, never);
    expect(looks.map((look) => look.kind)).toEqual(["running", "unseen", "succeeded"]);
  });

  it("that is at work tells what it has used by the engine's time, asked for alone or in a list", async () => {
    const [created, later] = [1_700_000_000, contextOf(context.connection, { now: () => 1_700_000_900_000 })];
    const statement = { Status: "STARTED", CreatedAt: created };
    on("DescribeStatement", ({ Id }) => ({ json: { Id, ...statement } }));
    on("ListStatements", () => ({ json: { Statements: ["a", "b"].map((Id) => ({ Id, ...statement })) } }));
    const usage = [{ kind: "redshift.rpu_hour", quantity: "2", unit: "RPU-hour" }];
    for (const ids of [["a"], ["a", "b"]]) {
      const jobs = ids.map((statement_id) => observed({ statement_id }, later));
      const looks = await redshiftSql.observe(jobs, never);
      expect(looks).toEqual(ids.map(() => ({ kind: "running", detail: "STARTED", usage })));
    }
  });

  it("that was cancelled is billed for the time it ran", async () => {
    expect(await looked({ Status: "ABORTED", Duration: 450_000_000_000 })).toMatchObject({
      kind: "failed",
      usage: [{ quantity: "1" }],
    });
  });

  it("is not billed by the statement on a cluster, which is paid by the hour", async () => {
    const cluster = connectionTo(aws.url, { redshift: { cluster: "c", db_user: "etl", database: "dev" } });
    on("DescribeStatement", () => ({ json: { Id: "q", Status: "FINISHED", Duration: 1 } }));
    const [look] = await redshiftSql.observe([observed({ statement_id: "q" }, contextOf(cluster))], never);
    expect(look).toMatchObject({ kind: "succeeded", usage: [] });
  });
});

describe("redshift.copy", () => {
  const params = { table: "stage.sales", from: "s3://b/o'clock/part-", format: "parquet" };

  it("replaces in one transaction, and never truncates: that would commit", async () => {
    await redshiftCopy.submit(redshiftCopyFacts.params.parse({ ...params, mode: "replace" }), context);
    expect(sent()?.["Sqls"]).toEqual([
      'DELETE FROM "stage"."sales"',
      `COPY "stage"."sales"\nFROM 's3://b/o''clock/part-'\nIAM_ROLE 'arn:aws:iam::000000000000:role/copy'\nFORMAT AS PARQUET`,
      'SELECT COUNT(*) AS rows_loaded FROM "stage"."sales"',
    ]);
  });

  it("takes no table that is not a plain name", () => {
    for (const table of ["sales; DROP TABLE x", 'a"b', "a.b.c", "", "a.", "1a"]) {
      expect(redshiftCopyFacts.params.safeParse({ ...params, mode: "append", table }).success, table).toBe(false);
    }
  });
});

describe("redshift.merge", () => {
  const params = redshiftMergeFacts.params.parse({
    target: "mart.sales",
    staging: "stage.sales",
    keys: ["k"],
    columns: ["k", "v"],
  });

  it("checks staging, counts, and merges from a table, without an alias on the target", async () => {
    await redshiftMerge.submit(params, context);
    const [check, count, merge] = sent()?.["Sqls"] as string[];
    expect(check).toContain('FROM "stage"."sales" GROUP BY "k" HAVING COUNT(*) > 1 OR "k" IS NULL');
    expect(count).toContain("rows_inserted");
    expect(merge).toBe(
      `MERGE INTO "mart"."sales" USING "stage"."sales" AS nocturne_staged ON "sales"."k" = nocturne_staged."k"\n` +
        `WHEN MATCHED THEN UPDATE SET "v" = nocturne_staged."v"\n` +
        `WHEN NOT MATCHED THEN INSERT ("k", "v") VALUES (nocturne_staged."k", nocturne_staged."v")`,
    );
  });

  it.each([
    ["1", 'ERROR: invalid input syntax for integer: "duplicate or empty keys in staging"', "CHECK_FAILED"],
    ["1", "ERROR: Invalid digit, Value 'd', Pos 0, Type: Integer", "CHECK_FAILED"],
    ["1", 'ERROR: relation "stage.sales" does not exist', "JOB_FAILED"],
    ["3", "ERROR: Invalid digit, Value 'x', Pos 0, Type: Integer", "JOB_FAILED"],
  ])("statement %s failing with %s is %s", async (place, Error, code) => {
    const SubStatements = [1, 2, 3].map((n) => ({ Id: `q:${n}`, Status: String(n) === place ? "FAILED" : "ABORTED" }));
    on("DescribeStatement", () => ({ json: { Id: "q", Status: "FAILED", Error, SubStatements } }));
    const [look] = await redshiftMerge.observe([observed({ statement_id: "q" }, context)], never);
    expect(look).toMatchObject({ kind: "failed", failure: { class: "permanent", code } });
  });

  it("wants its keys among its columns, and two tables", () => {
    expect(redshiftMergeFacts.params.safeParse({ ...params, keys: ["x"] }).success).toBe(false);
    expect(redshiftMergeFacts.params.safeParse({ ...params, staging: "MART.sales" }).success).toBe(false);
  });
});

describe("a file of statements", () => {
  it("is cut at semicolons only where they end a statement", () => {
    const piece = fc.constantFrom(
      "SELECT 1",
      "SELECT ';'",
      'SELECT "a;b"',
      "SELECT 'it''s;'",
      "SELECT 1 /* ; */ + 1",
      "DO $b$ ; $b$",
      "SELECT 1 -- ;\n",
      "SELECT 4 - 2 / 1",
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(splitStatements(pieces.map((each) => `${each};\n`).join(""))).toEqual(pieces.map((each) => each.trim()));
      }),
    );
  });

  it("holds nothing when it holds only comments", () => {
    expect(splitStatements("-- nothing;\n/* ; */ ;\n;")).toEqual([]);
  });
});
