import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** Asked over the channel that `fork` made; answered with how often each operation was called since the last time. */
export type StubAnswer = { readonly url: string } | { readonly calls: Readonly<Record<string, number>> };

type Input = Readonly<Record<string, unknown>>;

const SCANNED_PER_SECOND = 5_000_000;
const seconds = (): number => Math.floor(Date.now() / 1_000);
const calls = new Map<string, number>();
const queries = new Map<string, number>();
/** Runs by job, newest last. */
const runs = new Map<string, { readonly id: string; readonly startedAt: number }[]>();

const idOf = (name: string, count: number): string => `${name}_${String(count).padStart(60, "0")}`;

/** As long as Athena's own answer about a query that runs; what it has scanned grows from look to look. */
const query = (id: string, startedAt: number): object => ({
  QueryExecutionId: id,
  Query: "CREATE TABLE daily AS SELECT store_id, sum(quantity) AS quantity FROM sales GROUP BY store_id",
  StatementType: "DML",
  ResultConfiguration: { OutputLocation: `s3://bench/athena/${id}.csv` },
  ResultReuseConfiguration: { ResultReuseByAgeConfiguration: { Enabled: false } },
  QueryExecutionContext: { Database: "bench" },
  Status: { State: "RUNNING", SubmissionDateTime: startedAt },
  Statistics: {
    DataScannedInBytes: (seconds() - startedAt) * SCANNED_PER_SECOND,
    EngineExecutionTimeInMillis: (seconds() - startedAt) * 1_000,
    QueryQueueTimeInMillis: 100,
  },
  WorkGroup: "primary",
  EngineVersion: { SelectedEngineVersion: "AUTO", EffectiveEngineVersion: "Athena engine version 3" },
  SubstatementType: "CREATE_TABLE_AS_SELECT",
});

/** As long as Glue's own answer about a run that runs. */
const jobRun = (job: string, { id, startedAt }: { readonly id: string; readonly startedAt: number }): object => ({
  Id: id,
  Attempt: 0,
  JobName: job,
  JobMode: "SCRIPT",
  JobRunQueuingEnabled: false,
  StartedOn: startedAt,
  LastModifiedOn: startedAt + 20,
  JobRunState: "RUNNING",
  Arguments: {
    "--scriptLocation": "s3://bench/artifacts/script.py",
    "--nocturne-launch-key": id.slice(-48),
    "--param.ds": "2026-01-01",
    "--output.answer": "s3://bench/curated/answer/?format=parquet",
  },
  PredecessorRuns: [],
  AllocatedCapacity: 10,
  ExecutionTime: seconds() - startedAt,
  Timeout: 480,
  MaxCapacity: 10,
  WorkerType: "G.1X",
  NumberOfWorkers: 10,
  LogGroupName: "/aws-glue/jobs",
  GlueVersion: "5.1",
  ExecutionClass: "STANDARD",
});

const ANSWERS: Readonly<Record<string, (input: Input) => object | null>> = {
  StartQueryExecution() {
    const id = idOf("query", queries.size);
    queries.set(id, seconds());
    return { QueryExecutionId: id };
  },
  BatchGetQueryExecution: ({ QueryExecutionIds }) => ({
    QueryExecutions: (QueryExecutionIds as string[]).map((id) => query(id, queries.get(id) ?? 0)),
    UnprocessedQueryExecutionIds: [],
  }),
  GetJob: () => null,
  CreateJob: ({ Name }) => ({ Name }),
  StartJobRun({ JobName }) {
    const job = JobName as string;
    const ofJob = runs.get(job) ?? [];
    runs.set(job, ofJob);
    const id = idOf("jr", ofJob.length);
    ofJob.push({ id, startedAt: seconds() });
    return { JobRunId: id };
  },
  GetJobRun({ JobName, RunId }) {
    const job = JobName as string;
    const run = runs.get(job)?.find(({ id }) => id === RunId);
    return run ? { JobRun: jobRun(job, run) } : null;
  },
  GetJobRuns({ JobName, MaxResults, NextToken }) {
    const job = JobName as string;
    const newestFirst = (runs.get(job) ?? []).toReversed();
    const from = Number(NextToken ?? 0);
    const to = from + Number(MaxResults);
    const page = newestFirst.slice(from, to).map((run) => jobRun(job, run));
    return { JobRuns: page, ...(to < newestFirst.length ? { NextToken: String(to) } : {}) };
  },
};

const server = createServer((request, response) => {
  void text(request).then((body) => {
    const operation = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
    calls.set(operation, (calls.get(operation) ?? 0) + 1);
    const answer = ANSWERS[operation]?.(JSON.parse(body || "{}") as Input) ?? null;
    const document = answer ?? { __type: "EntityNotFoundException", Message: `${operation}: not found` };
    response
      .writeHead(answer === null ? 400 : 200, { "content-type": "application/x-amz-json-1.1" })
      .end(JSON.stringify(document));
  });
});

const tell = (answer: StubAnswer): void => void process.send?.(answer);

server.listen(0, "127.0.0.1", () => {
  tell({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on("message", () => {
  tell({ calls: Object.fromEntries(calls) });
  calls.clear();
});
process.on("disconnect", () => process.exit());
