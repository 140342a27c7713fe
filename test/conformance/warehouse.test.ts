import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startLocalAws, type LocalAws } from "../../deploy/local-aws/server.ts";
import type { AnyOperator, Observation, SubmitContext } from "../../engine/core/operator.ts";
import { emrCluster } from "../../operators/emr-cluster/operator.ts";
import { emrStep } from "../../operators/emr-step/operator.ts";
import { emrTerminate } from "../../operators/emr-terminate/operator.ts";
import { glueJob } from "../../operators/glue-job/operator.ts";
import { redshiftCopy } from "../../operators/redshift-copy/operator.ts";
import { redshiftMerge } from "../../operators/redshift-merge/operator.ts";
import { redshiftSql } from "../../operators/redshift-sql/operator.ts";
import { connectionTo, contextOf, never, observed } from "../operators/contexts.ts";
import { until } from "../setup/until.ts";

let home: string;
let local: LocalAws;
let files: Record<string, string | Uint8Array>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "conformance-"));
  local = await startLocalAws({ home, threads: 1, clusterLatencyMs: 5 });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const s3 = new S3Client({ endpoint: local.url, region: "us-east-1", credentials, forcePathStyle: true });
  for (const Bucket of ["artifacts", "data"]) await s3.send(new CreateBucketCommand({ Bucket }));
  files = {
    "run_sql.py": await readFile(new URL("../../deploy/spark/run_sql.py", import.meta.url)),
    "rows.sql":
      "-- param: day\n-- output: rows\nCREATE OR REPLACE TEMP VIEW rows AS SELECT CAST(1 AS INTEGER) AS k, day AS v FROM params;\n",
    "broken.sql":
      "-- param: day\n-- output: rows\nCREATE OR REPLACE TEMP VIEW rows AS SELECT no_such_column FROM params;\n",
  };
});
afterAll(async () => {
  await local.stop();
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
});

interface Ended {
  readonly look: Observation;
  readonly ref: unknown;
  readonly context: SubmitContext;
}

async function looked(operator: AnyOperator, ref: unknown, context: SubmitContext): Promise<Observation> {
  return until(`the end of ${operator.type}`, async () => {
    const [look] = await operator.observe([observed(ref, context)], never);
    return look?.kind === "succeeded" || look?.kind === "failed" ? look : null;
  });
}

/** Runs one task to its end. */
async function run(operator: AnyOperator, params: object): Promise<Ended> {
  const context = contextOf(connectionTo(local.url), { files });
  const result = await operator.submit(operator.params.parse(params), context);
  if (result.kind !== "started") throw new Error(JSON.stringify(result));
  return { look: await looked(operator, result.ref, context), ref: result.ref, context };
}

const output = async (operator: AnyOperator, params: object): Promise<unknown> => {
  const { look } = await run(operator, params);
  if (look.kind !== "succeeded") throw new Error(JSON.stringify(look));
  return look.output;
};
const sql = (...statements: string[]): Promise<unknown> => output(redshiftSql, { statements });
const merge = { target: "mart.pairs", staging: "stage.pairs", keys: ["k"], columns: ["k", "v"] };

describe("the warehouse operators over Redshift's front", () => {
  beforeAll(() =>
    sql(
      "CREATE SCHEMA IF NOT EXISTS mart",
      "CREATE SCHEMA IF NOT EXISTS stage",
      "CREATE TABLE mart.pairs (k INTEGER, v VARCHAR(20))",
      "CREATE TABLE stage.pairs (k INTEGER, v VARCHAR(20))",
      "INSERT INTO mart.pairs VALUES (1, 'old'), (9, 'stays')",
      "INSERT INTO stage.pairs VALUES (1, 'new'), (2, 'two')",
    ),
  );

  it("merge says what it inserted and updated, and changes nothing when run again", async () => {
    expect(await output(redshiftMerge, merge)).toEqual({ rows_inserted: 1, rows_updated: 1 });
    expect(await output(redshiftMerge, merge)).toEqual({ rows_inserted: 0, rows_updated: 2 });
    expect(await sql("SELECT k, v FROM mart.pairs ORDER BY k")).toEqual({
      rows: [
        { k: "1", v: "new" },
        { k: "2", v: "two" },
        { k: "9", v: "stays" },
      ],
      row_count: 3,
    });
  });

  it.each(["(2, 'twice')", "(NULL, 'empty')"])(
    "merge refuses staging that also holds %s, and leaves the table as it was",
    async (row) => {
      await sql(`INSERT INTO stage.pairs VALUES ${row}`);
      const { look } = await run(redshiftMerge, merge);
      expect(look).toMatchObject({ kind: "failed", failure: { class: "permanent", code: "CHECK_FAILED" } });
      expect(await sql("SELECT COUNT(*) AS n FROM mart.pairs")).toMatchObject({ rows: [{ n: "3" }] });
      await sql("DELETE FROM stage.pairs", "INSERT INTO stage.pairs VALUES (1, 'new'), (2, 'two')");
    },
  );

  it("copy replaces what is there, or adds to it, and counts what it loaded", async () => {
    const spark = { script: "run_sql.py", files: { sql: "rows.sql" } };
    const arguments_ = { "output.rows": "s3://data/rows/?format=parquet", "param.day": "today" };
    await output(glueJob, { job: "rows", worker_type: "G.1X", workers: 2, ...spark, arguments: arguments_ });
    await sql("CREATE TABLE stage.copied (k INTEGER, v VARCHAR(20))", "INSERT INTO stage.copied VALUES (7, 'before')");
    const copy = { table: "stage.copied", from: "s3://data/rows/part-", format: "parquet" };
    expect(await output(redshiftCopy, { ...copy, mode: "append" })).toEqual({ rows_loaded: 1 });
    expect(await sql("SELECT COUNT(*) AS n FROM stage.copied")).toMatchObject({ rows: [{ n: "2" }] });
    expect(await output(redshiftCopy, { ...copy, mode: "replace" })).toEqual({ rows_loaded: 1 });
    expect(await sql("SELECT k, v FROM stage.copied")).toMatchObject({ rows: [{ k: "1", v: "today" }] });
  });

  it("a statement that fails undoes its whole batch and says why", async () => {
    const { look } = await run(redshiftSql, { statements: ["DELETE FROM mart.pairs", "SELECT * FROM nowhere"] });
    expect(look).toMatchObject({ kind: "failed", failure: { message: expect.stringContaining("nowhere") as string } });
    expect(await sql("SELECT COUNT(*) AS n FROM mart.pairs")).toMatchObject({ rows: [{ n: "3" }] });
  });
});

describe("a Spark script that fails", () => {
  const broken = {
    script: "run_sql.py",
    files: { sql: "broken.sql" },
    arguments: { "output.rows": "s3://data/broken/?format=parquet", "param.day": "today" },
  };

  it("on Glue fails with its reason, its log and a minute's price", async () => {
    const { look, ref, context } = await run(glueJob, { job: "broken", worker_type: "G.1X", workers: 2, ...broken });
    expect(look).toMatchObject({
      kind: "failed",
      failure: { class: "retryable", code: "JOB_FAILED", message: expect.stringContaining("no_such_column") as string },
      usage: [{ kind: "glue.dpu_hour", quantity: "0.033333333333" }],
    });
    const log = await glueJob.logTail?.(ref as never, context, 20);
    expect(log?.join("\n")).toContain("no_such_column");
  });

  it("on EMR fails with its log, and the cluster's end closes its meter and refuses the next step", async () => {
    const cluster = await run(emrCluster, { name: "broken", instance_type: "m5.xlarge", instances: 2 });
    const { cluster_id } = cluster.ref as { cluster_id: string };
    const { look, ref, context } = await run(emrStep, { cluster_id, name: "broken", ...broken });
    expect(look).toMatchObject({ kind: "failed", failure: { class: "retryable", code: "JOB_FAILED" } });
    const log = await emrStep.logTail?.(ref as never, context, 20);
    expect(log?.join("\n")).toContain("no_such_column");

    expect(cluster.look).toMatchObject({ kind: "succeeded", settleAfterMs: expect.any(Number) as number });
    expect((await run(emrTerminate, { cluster_id })).look.kind).toBe("succeeded");
    const closed = await looked(emrCluster, cluster.ref, cluster.context);
    expect(closed).toMatchObject({ usage: [{ kind: "emr.m5.xlarge.instance_hour", quantity: "0.033333333333" }] });
    expect(closed).not.toHaveProperty("settleAfterMs");
    const step = emrStep.params.parse({ cluster_id, name: "late", ...broken });
    const refused = await emrStep.submit(step, contextOf(connectionTo(local.url), { files }));
    expect(refused).toMatchObject({ kind: "refused", failure: { class: "resource_gone" } });
  });
});
