import { readFile } from "node:fs/promises";
import {
  BatchStopJobRunCommand,
  ConcurrentRunsExceededException,
  CreateJobCommand,
  DeleteJobCommand,
  EntityNotFoundException,
  GetJobCommand,
  GetJobRunCommand,
  GetJobRunsCommand,
  GetJobsCommand,
  StartJobRunCommand,
  UpdateJobCommand,
  type CreateJobCommandInput,
  type GlueClient,
  type JobRun,
} from "@aws-sdk/client-glue";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { until } from "../setup/until.ts";
import { ask, clientsOf, startServer, temporaryHome } from "./start.ts";
import type { LocalAwsOptions } from "../../deploy/local-aws/server.ts";

const JobName = "clean_sales";
const SCRIPT = "s3://code/run_sql.py";
const RUN_SQL = new URL("../../deploy/spark/run_sql.py", import.meta.url);

async function glueWithJob(job: Partial<CreateJobCommandInput> = {}, options: Partial<LocalAwsOptions> = {}) {
  const { url } = await startServer(options);
  const { glue, s3, logs } = clientsOf(url);
  await s3.send(new CreateBucketCommand({ Bucket: "code" }));
  await s3.send(new PutObjectCommand({ Bucket: "code", Key: "run_sql.py", Body: await readFile(RUN_SQL) }));
  const Command = { Name: "glueetl", ScriptLocation: SCRIPT };
  await glue.send(new CreateJobCommand({ Name: JobName, Role: "glue", Command, ...job }));
  return { url, glue, s3, logs };
}

async function start(glue: GlueClient, sql: string, more: Record<string, string> = {}): Promise<string> {
  const Arguments = { "--sql": sql, ...more };
  const { JobRunId } = await glue.send(new StartJobRunCommand({ JobName, Arguments }));
  return JobRunId ?? "";
}

async function look(glue: GlueClient, RunId: string): Promise<JobRun> {
  const { JobRun: run } = await glue.send(new GetJobRunCommand({ JobName, RunId }));
  return run ?? {};
}

function state(glue: GlueClient, id: string, ...wanted: readonly string[]): Promise<JobRun> {
  return until(`${id} ${wanted.join(" or ")}`, async () => {
    const run = await look(glue, id);
    return wanted.includes(run.JobRunState ?? "") ? run : null;
  });
}

test("a run of run_sql.py succeeds and tells its times, capacity and arguments", async () => {
  const { glue, url } = await glueWithJob({ WorkerType: "G.2X", NumberOfWorkers: 3, ExecutionClass: "FLEX" });
  const key = "ab".repeat(24);
  const id = await start(glue, "ok", { "--nocturne-launch-key": key });
  expect(id).toMatch(/^jr_[0-9a-f]{64}$/);
  const run = await state(glue, id, "SUCCEEDED");
  expect(run).toMatchObject({ Id: id, Attempt: 0, JobName, WorkerType: "G.2X", NumberOfWorkers: 3, MaxCapacity: 6 });
  expect(run.Arguments).toEqual({ "--sql": "ok", "--nocturne-launch-key": key });
  expect(run.CompletedOn?.getTime()).toBeGreaterThanOrEqual(run.StartedOn?.getTime() ?? Infinity);
  expect(run.DPUSeconds).toBe((run.ExecutionTime ?? 0) * 6);
  expect(await ask(url, "GET", "runs")).toMatchObject([{ service: "Glue", id, launchKey: key, state: "SUCCEEDED" }]);
});

test("a run that fails says why", async () => {
  const { glue } = await glueWithJob();
  const run = await state(glue, await start(glue, "fail"), "FAILED", "SUCCEEDED");
  expect(run).toMatchObject({ JobRunState: "FAILED", ErrorMessage: "column net_sales is missing" });
});

test("a runner that dies fails its run and no other", async () => {
  const { glue } = await glueWithJob({ ExecutionProperty: { MaxConcurrentRuns: 3 } });
  const [died, fine] = await Promise.all([start(glue, "die"), start(glue, "ok")]);
  expect((await state(glue, died, "FAILED")).ErrorMessage).toContain("exit code 3");
  await state(glue, fine, "SUCCEEDED");
  await state(glue, await start(glue, "ok"), "SUCCEEDED");
});

test("a script that is not there fails the run, never the service", async () => {
  const { glue } = await glueWithJob();
  const id = await start(glue, "ok", { "--scriptLocation": "s3://code/missing.py" });
  expect((await state(glue, id, "FAILED")).ErrorMessage).toContain("s3://code/missing.py");
});

test("a stopped run goes over STOPPING to STOPPED, and cannot be stopped again", async () => {
  const { glue } = await glueWithJob();
  const id = await start(glue, "hang");
  await state(glue, id, "RUNNING");
  const stop = new BatchStopJobRunCommand({ JobName, JobRunIds: [id, "jr_unknown"] });
  const answer = await glue.send(stop);
  expect(answer.SuccessfulSubmissions).toEqual([{ JobName, JobRunId: id }]);
  expect(answer.Errors).toMatchObject([
    { JobRunId: "jr_unknown", ErrorDetail: { ErrorCode: "EntityNotFoundException" } },
  ]);
  expect((await look(glue, id)).JobRunState).toMatch(/^STOP/);
  await state(glue, id, "STOPPED");
  expect((await glue.send(stop)).SuccessfulSubmissions).toEqual([]);
});

test("a job takes no more runs than MaxConcurrentRuns at once", async () => {
  const { glue } = await glueWithJob();
  const id = await start(glue, "hang");
  await expect(start(glue, "ok")).rejects.toBeInstanceOf(ConcurrentRunsExceededException);
  await glue.send(new BatchStopJobRunCommand({ JobName, JobRunIds: [id] }));
  await state(glue, id, "STOPPED");
  await state(glue, await start(glue, "ok"), "SUCCEEDED");
});

test("a run past its timeout ends as TIMEOUT", async () => {
  const { glue } = await glueWithJob({ Timeout: 5 }, { time: { factor: 600, from: null } });
  const id = await start(glue, "hang");
  await state(glue, id, "RUNNING");
  const run = await state(glue, id, "TIMEOUT");
  expect(run.ExecutionTime).toBeGreaterThanOrEqual(300);
});

test("runs are listed newest first, page by page", async () => {
  const { glue } = await glueWithJob();
  const ids: string[] = [];
  for (const sql of ["ok", "fail", "ok"]) {
    ids.unshift(await start(glue, sql));
    await state(glue, ids[0] ?? "", "SUCCEEDED", "FAILED");
  }
  const first = await glue.send(new GetJobRunsCommand({ JobName, MaxResults: 2 }));
  const second = await glue.send(new GetJobRunsCommand({ JobName, MaxResults: 2, NextToken: first.NextToken }));
  const listed = [...(first.JobRuns ?? []), ...(second.JobRuns ?? [])].map(({ Id }) => Id);
  expect(listed).toEqual(ids);
  expect(second.NextToken).toBeUndefined();
});

test("jobs are created, changed, listed and deleted", async () => {
  const { glue } = await glueWithJob({ DefaultArguments: { "--sql": "ok" } });
  await glue.send(
    new UpdateJobCommand({ JobName, JobUpdate: { Role: "other", Command: { ScriptLocation: SCRIPT }, Timeout: 7 } }),
  );
  expect((await glue.send(new GetJobCommand({ JobName }))).Job).toMatchObject({
    Name: JobName,
    Role: "other",
    Timeout: 7,
  });
  expect((await glue.send(new GetJobsCommand({}))).Jobs).toHaveLength(1);
  await glue.send(new DeleteJobCommand({ JobName }));
  await expect(glue.send(new GetJobCommand({ JobName }))).rejects.toBeInstanceOf(EntityNotFoundException);
  await expect(start(glue, "ok")).rejects.toBeInstanceOf(EntityNotFoundException);
});

test("a job without a role or a script is refused, and so is another job of the same name", async () => {
  const { glue } = await glueWithJob();
  const Command = { Name: "glueetl", ScriptLocation: SCRIPT };
  const create = (input: Partial<CreateJobCommandInput>) =>
    glue.send(new CreateJobCommand({ Name: "x", Role: "r", Command, ...input }));
  await expect(create({ Role: "" })).rejects.toMatchObject({ name: "InvalidInputException" });
  await expect(create({ Command: { Name: "glueetl" } })).rejects.toMatchObject({ name: "InvalidInputException" });
  await create({ Name: JobName, Role: "glue" });
  await expect(create({ Name: JobName, Role: "other" })).rejects.toMatchObject({
    name: "IdempotentParameterMismatchException",
  });
});

test("runs that were going when local-aws stopped run again under their own id", async () => {
  const home = await temporaryHome();
  const { url } = await startServer({ home });
  const first = clientsOf(url);
  await first.s3.send(new CreateBucketCommand({ Bucket: "code" }));
  await first.s3.send(new PutObjectCommand({ Bucket: "code", Key: "run_sql.py", Body: await readFile(RUN_SQL) }));
  const Command = { Name: "glueetl", ScriptLocation: SCRIPT };
  await first.glue.send(new CreateJobCommand({ Name: JobName, Role: "glue", Command }));
  const id = await start(first.glue, "hang");
  await state(first.glue, id, "RUNNING");
  await ask(url, "POST", "stop");
  const again = await until("the home is free", () => startServer({ home }).catch(() => null));
  const { glue } = clientsOf(again.url);
  expect((await look(glue, id)).JobRunState).toBe("RUNNING");
  await glue.send(new BatchStopJobRunCommand({ JobName, JobRunIds: [id] }));
  await state(glue, id, "STOPPED");
});
