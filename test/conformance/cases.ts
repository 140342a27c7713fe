import { readFileSync } from "node:fs";

const RUN_SQL = readFileSync(new URL("../../deploy/spark/run_sql.py", import.meta.url));
const ONE_ROW = "-- param: ds\n-- output: answer\nCREATE OR REPLACE TEMP VIEW answer AS SELECT ds AS ds FROM params;\n";

/** The files that the cases' tasks name, as a DAG's version would hold them. */
export const FILES = { "run_sql.py": RUN_SQL, "one_row.sql": ONE_ROW };

const spark = (output: string) => ({
  script: "run_sql.py",
  files: { sql: "one_row.sql" },
  arguments: { "output.answer": `s3://data/${output}/?format=parquet`, "param.ds": "2026-01-01" },
});

/** What stands before the case's own launch: a cluster for a step, tables for a merge. */
export interface Before {
  /** Something that answers GET. */
  readonly url: string;
  readonly run: (type: string, params: object) => Promise<unknown>;
}

export interface Case {
  /** The operation that starts the remote job, as local-aws calls it; null: nothing is started. */
  readonly starts: string | null;
  /** A reference of the same shape that the service has never heard of; null: there is no such thing. */
  readonly unknown: (ref: Record<string, unknown>) => Record<string, unknown> | null;
  readonly params: (before: Before) => Promise<object>;
}

const cluster = { name: "conformance", instance_type: "m5.xlarge", instances: 1 };
const clusterId = async ({ run }: Before): Promise<string> =>
  ((await run("emr.cluster", cluster)) as { cluster_id: string }).cluster_id;

const statement = { starts: "RedshiftData.BatchExecuteStatement" } as const;
const noStatement = () => ({ statement_id: "00000000-0000-0000-0000-000000000000" });
const query = { starts: "Athena.StartQueryExecution" } as const;
const noQuery = (ref: object) => ({ ...ref, query_execution_id: "00000000-0000-0000-0000-000000000000" });

const tables = async ({ run }: Before, name: string): Promise<void> => {
  const columns = "(k INTEGER NOT NULL, v VARCHAR(10))";
  await run("redshift.sql", {
    statements: [
      "CREATE SCHEMA IF NOT EXISTS conf",
      `CREATE TABLE IF NOT EXISTS conf.${name} ${columns}`,
      `CREATE TABLE IF NOT EXISTS conf.${name}_stage ${columns}`,
      `DELETE FROM conf.${name}_stage`,
      `INSERT INTO conf.${name}_stage VALUES (1, 'one'), (2, 'two')`,
    ],
  });
};

/** One task of every operator. A new operator is not done until it stands here: the suite says so. */
export const CASES: Readonly<Record<string, Case>> = {
  "glue.job": {
    starts: "Glue.StartJobRun",
    unknown: (ref) => ({ ...ref, run: `jr_${"0".repeat(64)}` }),
    params: async () => ({ job: "conformance", worker_type: "G.1X", workers: 2, ...spark("glue") }),
  },
  "emr.cluster": {
    starts: "EMR.RunJobFlow",
    unknown: (ref) => ({ ...ref, cluster_id: "j-0000000000000" }),
    params: async () => cluster,
  },
  "emr.step": {
    starts: "EMR.AddJobFlowSteps",
    unknown: (ref) => ({ ...ref, step_id: "s-0000000000000" }),
    params: async (before) => ({ cluster_id: await clusterId(before), name: "conformance", ...spark("emr") }),
  },
  "emr.terminate": {
    starts: "EMR.TerminateJobFlows",
    unknown: () => null,
    params: async (before) => ({ cluster_id: await clusterId(before) }),
  },
  "redshift.sql": { ...statement, unknown: noStatement, params: async () => ({ statements: ["SELECT 1 AS one"] }) },
  "redshift.copy": {
    ...statement,
    unknown: noStatement,
    async params(before) {
      await before.run("glue.job", { job: "conformance-copy", worker_type: "G.1X", workers: 2, ...spark("copy") });
      await before.run("redshift.sql", { statements: ["CREATE TABLE IF NOT EXISTS copied (ds VARCHAR(10))"] });
      return { table: "copied", from: "s3://data/copy/part-", format: "parquet", mode: "replace" };
    },
  },
  "redshift.merge": {
    ...statement,
    unknown: noStatement,
    async params(before) {
      await tables(before, "merged");
      return { target: "conf.merged", staging: "conf.merged_stage", keys: ["k"], columns: ["k", "v"] };
    },
  },
  "athena.query": { ...query, unknown: noQuery, params: async () => ({ sql: "SELECT 1 AS one" }) },
  "athena.check": {
    ...query,
    unknown: noQuery,
    params: async () => ({ sql: "SELECT 1 AS one", expect: { equals: 1 } }),
  },
  approval: {
    starts: null,
    unknown: () => null,
    params: async () => ({ message: "?", within: "1ms", on_timeout: "approve" }),
  },
  branch: { starts: null, unknown: () => null, params: async () => ({ choose: "one" }) },
  short_circuit: { starts: null, unknown: () => null, params: async () => ({ condition: "yes" }) },
  "dag.trigger": { starts: null, unknown: () => null, params: async () => ({ dag: "other" }) },
  "wait.until": { starts: null, unknown: () => null, params: async () => ({ after: "0s" }) },
  "s3.wait": { starts: null, unknown: () => null, params: async () => ({ uri: "s3://data/there" }) },
  "shell.run": { starts: null, unknown: () => null, params: async () => ({ command: "echo '{\"rows\": 3}'" }) },
  "http.request": {
    starts: null,
    unknown: () => null,
    params: async ({ url }) => ({ url: `${url}/_local/calls` }),
  },
  "sql.postgres": {
    starts: null,
    unknown: () => null,
    params: async () => ({ connection: "shop", statements: "SELECT 1 AS one" }),
  },
  "email.send": {
    starts: null,
    unknown: () => null,
    params: async () => ({ to: ["ana@example.com"], subject: "Done", text: "The night is done." }),
  },
  noop: { starts: null, unknown: () => null, params: async () => ({}) },
};
