import { readFile } from "node:fs/promises";
import {
  BatchStopJobRunCommand,
  ConcurrentRunsExceededException,
  CreateJobCommand,
  EntityNotFoundException,
  GetJobRunCommand,
  GetJobRunsCommand,
  GetJobsCommand,
  StartJobRunCommand,
  type GlueClient,
} from "@aws-sdk/client-glue";
import {
  AddJobFlowStepsCommand,
  DescribeClusterCommand,
  DescribeStepCommand,
  ListClustersCommand,
  RunJobFlowCommand,
} from "@aws-sdk/client-emr";
import { CreateBucketCommand, ListBucketsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { AthenaClient, ListWorkGroupsCommand } from "@aws-sdk/client-athena";
import { DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { ListStatementsCommand, RedshiftDataClient } from "@aws-sdk/client-redshift-data";
import { expect, test } from "vitest";
import { until } from "../setup/until.ts";
import { ask, clientsOf, startServer, temporaryHome } from "./start.ts";

const JobName = "clean";
const RUN_SQL = new URL("../../deploy/spark/run_sql.py", import.meta.url);

async function faulty(...faults: readonly object[]) {
  return faultyAt(await temporaryHome(), ...faults);
}

async function faultyAt(home: string, ...faults: readonly object[]) {
  const local = await startServer({ home });
  const { url } = local;
  const clients = clientsOf(url);
  await clients.s3.send(new CreateBucketCommand({ Bucket: "code" }));
  await clients.s3.send(new PutObjectCommand({ Bucket: "code", Key: "run_sql.py", Body: await readFile(RUN_SQL) }));
  const Command = { Name: "glueetl", ScriptLocation: "s3://code/run_sql.py" };
  const ExecutionProperty = { MaxConcurrentRuns: 5 };
  await clients.glue.send(new CreateJobCommand({ Name: JobName, Role: "r", Command, ExecutionProperty }));
  for (const fault of faults) await ask(url, "POST", "faults", fault);
  return { url, local, ...clients };
}

function start(glue: GlueClient, key = "k") {
  const Arguments = { "--sql": "ok", "--nocturne-launch-key": key };
  return glue.send(new StartJobRunCommand({ JobName, Arguments }));
}

async function runs(url: string): Promise<readonly { readonly launchKey: string; readonly state: string }[]> {
  return (await ask(url, "GET", "runs")) as { launchKey: string; state: string }[];
}

/** How many remote jobs are in one of these states. */
async function statesOf(url: string, ...states: readonly string[]): Promise<number> {
  return (await runs(url)).filter(({ state }) => states.includes(state)).length;
}

const REFUSALS = [
  ["throttle", { name: "ThrottlingException", $metadata: { httpStatusCode: 400 } }],
  ["error500", { $metadata: { httpStatusCode: 500 } }],
  ["html503", { $metadata: { httpStatusCode: 503 } }],
  ["reset_before", { code: "ECONNRESET" }],
] as const;

test.each(REFUSALS)("%s refuses a request before its effect, as often as asked for", async (kind, error) => {
  const { url, glue } = await faulty({ operation: "Glue.StartJobRun", kind, times: 2 });
  await expect(start(glue)).rejects.toMatchObject(error);
  await expect(start(glue)).rejects.toMatchObject(error);
  expect(await runs(url)).toEqual([]);
  await start(glue);
  expect(await runs(url)).toHaveLength(1);
});

test("slow: it is done at once, and its answer comes when the time has passed", async () => {
  const { url, glue } = await faulty({ operation: "Glue.StartJobRun", kind: "slow", ms: 1_500 });
  let isAnswered = false;
  const started = start(glue).finally(() => (isAnswered = true));
  await until("the run", async () => ((await runs(url)).length === 1 ? true : null));
  expect(isAnswered).toBe(false);
  expect((await started).JobRunId).toMatch(/^jr_/);
  expect((await start(glue, "another")).JobRunId).toMatch(/^jr_/);
});

test("reset_after loses the reply and keeps the effect", async () => {
  const { url, glue } = await faulty({ operation: "Glue.StartJobRun", kind: "reset_after" });
  await expect(start(glue, "lost")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect((await runs(url)).map(({ launchKey }) => launchKey)).toEqual(["lost"]);
});

test("hang answers nothing and does nothing until the connection is gone", async () => {
  const { url, glue } = await faulty({ operation: "Glue.StartJobRun", kind: "hang", ms: 100 });
  await expect(start(glue)).rejects.toMatchObject({ code: "ECONNRESET" });
  expect(await runs(url)).toEqual([]);
});

test("hang_after does the work and answers nothing until the connection is gone", async () => {
  const { url, glue } = await faulty({ operation: "Glue.StartJobRun", kind: "hang_after", ms: 100 });
  await expect(start(glue, "unanswered")).rejects.toMatchObject({ code: "ECONNRESET" });
  expect((await runs(url)).map(({ launchKey }) => launchKey)).toEqual(["unanswered"]);
});

test("the SDK gets over clock_skew by itself", async () => {
  const { url } = await faulty({ operation: "Glue.GetJobs", kind: "clock_skew" });
  const { glue } = clientsOf(url, 3);
  await glue.send(new GetJobsCommand({}));
  expect(await ask(url, "GET", "calls")).toMatchObject({ "Glue.GetJobs": 2 });
});

test("eventual hides a young run from looks and lists, not the run itself", async () => {
  const { url, glue } = await faulty({ operation: "*", kind: "eventual", ms: 60_000 });
  const RunId = (await start(glue)).JobRunId;
  await expect(glue.send(new GetJobRunCommand({ JobName, RunId }))).rejects.toBeInstanceOf(EntityNotFoundException);
  expect((await glue.send(new GetJobRunsCommand({ JobName }))).JobRuns).toEqual([]);
  expect(await runs(url)).toHaveLength(1);
  await ask(url, "DELETE", "faults");
  expect((await glue.send(new GetJobRunsCommand({ JobName }))).JobRuns).toHaveLength(1);
});

test("fail_run fails the next runs that match, and no others", async () => {
  const fault = { operation: "Glue.StartJobRun", kind: "fail_run", times: 2, match: "chosen" };
  const { glue } = await faulty(fault);
  const end = async (key: string) => {
    const RunId = (await start(glue, key)).JobRunId;
    return until("the run's end", async () => {
      const { JobRun } = await glue.send(new GetJobRunCommand({ JobName, RunId }));
      return JobRun?.CompletedOn === undefined ? null : [JobRun.JobRunState, JobRun.ErrorMessage];
    });
  };
  expect(await end("other")).toEqual(["SUCCEEDED", undefined]);
  expect(await end("chosen")).toEqual(["FAILED", "fault: fail_run"]);
  expect(await end("chosen")).toEqual(["FAILED", "fault: fail_run"]);
  expect(await end("chosen")).toEqual(["SUCCEEDED", undefined]);
});

test("stall_run runs until it is stopped", async () => {
  const { glue } = await faulty({ operation: "*", kind: "stall_run" });
  const RunId = (await start(glue)).JobRunId ?? "";
  const state = async () => (await glue.send(new GetJobRunCommand({ JobName, RunId }))).JobRun?.JobRunState;
  expect(await state()).toBe("RUNNING");
  await glue.send(new BatchStopJobRunCommand({ JobName, JobRunIds: [RunId] }));
  await until("STOPPED", async () => ((await state()) === "STOPPED" ? true : null));
});

test("stall_run with ms runs that long, then does its work and ends", async () => {
  const { url, glue, emr } = await faulty({ operation: "*", kind: "stall_run", ms: 200, times: 2 });
  const started = performance.now();
  const RunId = (await start(glue)).JobRunId ?? "";
  const Args = ["spark-submit", "s3://code/run_sql.py", "--sql", "ok"];
  const Steps = [{ Name: "step", HadoopJarStep: { Jar: "command-runner.jar", Args } }];
  const Instances = { KeepJobFlowAliveWhenNoSteps: true };
  await emr.send(new RunJobFlowCommand({ Name: "x", ReleaseLabel: "emr-7.13.0", Instances, Steps }));
  const state = async () => (await glue.send(new GetJobRunCommand({ JobName, RunId }))).JobRun?.JobRunState;
  expect(await state()).toBe("RUNNING");
  await until("both to end", async () => ((await statesOf(url, "SUCCEEDED", "COMPLETED")) === 2 ? true : null));
  expect(performance.now() - started).toBeGreaterThanOrEqual(200);
});

test("after a restart a stall with ms is over, and one without goes on", async () => {
  const home = await temporaryHome();
  const passing = { operation: "*", kind: "stall_run", match: "passing", ms: 3_600_000 };
  const first = await faultyAt(home, passing, { operation: "*", kind: "stall_run", match: "lasting" });
  await start(first.glue, "passing");
  const lasting = await start(first.glue, "lasting");
  await first.local.stop();
  const { url } = await startServer({ home });
  await until("the passing run's end", async () => ((await statesOf(url, "SUCCEEDED")) === 1 ? true : null));
  expect(await runs(url)).toContainEqual(expect.objectContaining({ id: lasting.JobRunId, state: "RUNNING" }));
});

test("capacity refuses a Glue run, and ends an EMR cluster with errors", async () => {
  const { glue, emr } = await faulty({ operation: "*", kind: "capacity", times: 2 });
  await expect(start(glue)).rejects.toBeInstanceOf(ConcurrentRunsExceededException);
  const Instances = { KeepJobFlowAliveWhenNoSteps: true };
  const { JobFlowId } = await emr.send(new RunJobFlowCommand({ Name: "x", ReleaseLabel: "emr-7.13.0", Instances }));
  const status = await until("the cluster's end", async () => {
    const { Cluster } = await emr.send(new DescribeClusterCommand({ ClusterId: JobFlowId }));
    return Cluster?.Status?.State === "TERMINATED_WITH_ERRORS" ? Cluster.Status : null;
  });
  expect(status.StateChangeReason?.Message).toContain("insufficient capacity");
});

test("fail_run fails an EMR step by its name", async () => {
  const { emr } = await faulty({ operation: "EMR.AddJobFlowSteps", kind: "fail_run", match: "second" });
  const Instances = { KeepJobFlowAliveWhenNoSteps: true };
  const { JobFlowId } = await emr.send(new RunJobFlowCommand({ Name: "x", ReleaseLabel: "emr-7.13.0", Instances }));
  const Args = ["spark-submit", "s3://code/run_sql.py", "--sql", "ok"];
  const Steps = ["first", "second"].map((Name) => ({
    Name,
    ActionOnFailure: "CONTINUE" as const,
    HadoopJarStep: { Jar: "command-runner.jar", Args },
  }));
  const { StepIds = [] } = await emr.send(new AddJobFlowStepsCommand({ JobFlowId, Steps }));
  const states = StepIds.map((StepId) =>
    until("the step's end", async () => {
      const { Step } = await emr.send(new DescribeStepCommand({ ClusterId: JobFlowId, StepId }));
      return Step?.Status?.Timeline?.EndDateTime === undefined ? null : Step.Status.State;
    }),
  );
  expect(await Promise.all(states)).toEqual(["COMPLETED", "FAILED"]);
});

test("faults reach every service alike, each in its own words", async () => {
  const { url, s3, logs, emr } = await faulty({ operation: "*", kind: "throttle", times: 5 });
  const common = { endpoint: url, region: "us-east-1", maxAttempts: 1 };
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const redshift = new RedshiftDataClient({ ...common, credentials });
  const athena = new AthenaClient({ ...common, credentials });
  const all = () =>
    Promise.all(
      [
        s3.send(new ListBucketsCommand({})),
        logs.send(new DescribeLogGroupsCommand({})),
        emr.send(new ListClustersCommand({})),
        redshift.send(new ListStatementsCommand({})),
        athena.send(new ListWorkGroupsCommand({})),
      ].map((sent) => sent.then(() => "answered").catch((error: Error) => error.name)),
    );
  expect(await all()).toEqual(["SlowDown", ...Array<string>(4).fill("ThrottlingException")]);
  const calls = await ask(url, "GET", "calls");
  expect(calls).toMatchObject({ "RedshiftData.ListStatements": 1, "Athena.ListWorkGroups": 1, "EMR.ListClusters": 1 });
});

test("faults are listed with what is left of them, and a wrong one is explained", async () => {
  const { url, glue } = await faulty({ operation: "Glue.GetJobs", kind: "throttle", times: 3 });
  await glue.send(new GetJobsCommand({})).catch(() => undefined);
  expect(await ask(url, "GET", "faults")).toMatchObject([{ kind: "throttle", times: 3, remaining: 2 }]);
  expect(await ask(url, "POST", "faults", { operation: "*", kind: "trottle" })).toEqual({
    error: expect.stringMatching(/^kind must be one of throttle, /) as string,
  });
  expect(await ask(url, "POST", "faults", { operation: "Glue", kind: "hang" })).toEqual({
    error: 'operation must be "Service.Operation" or "*"',
  });
});
