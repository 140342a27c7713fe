import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DescribeClusterCommand, RunJobFlowCommand } from "@aws-sdk/client-emr";
import { CreateJobCommand, GetJobRunCommand, StartJobRunCommand, type JobRun } from "@aws-sdk/client-glue";
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeStatementCommand, ExecuteStatementCommand, RedshiftDataClient } from "@aws-sdk/client-redshift-data";
import { expect, onTestFinished, test } from "vitest";
import { openClock, scaledClock } from "../../deploy/local-aws/scaled-clock.ts";
import { until } from "../setup/until.ts";
import { ask, clientsOf, startServer, temporaryHome } from "./start.ts";

const MAIN = fileURLToPath(new URL("../../dist/deploy/local-aws/main.js", import.meta.url));
const RUN_SQL = new URL("../../deploy/spark/run_sql.py", import.meta.url);
const MINUTE = 60_000;
const NIGHT = Date.parse("2026-01-31T07:00:00Z");

interface Clock {
  readonly factor: number;
  readonly real_from: number;
  readonly engine_from: number;
}

async function clockOf(url: string): Promise<Clock> {
  return ((await ask(url, "GET", "health")) as { clock: Clock }).clock;
}

/** What the clock reads now, worked out from what it tells. */
const reading = ({ factor, real_from, engine_from }: Clock): number => engine_from + (Date.now() - real_from) * factor;

async function program(...args: readonly string[]): Promise<{ child: ChildProcess; url: string; said: () => string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(child, "close").then(() => "{}");
  const ready = once(createInterface({ input: child.stdout }), "line").then(([text]) => String(text));
  const { url = "" } = JSON.parse(await Promise.race([ready, ended])) as { url?: string };
  return { child, url, said: () => errors };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** A Glue job whose runs stall as the fault says. */
async function glueAt(url: string, Timeout: number, fault: object) {
  const clients = clientsOf(url);
  const { glue, s3 } = clients;
  await s3.send(new CreateBucketCommand({ Bucket: "code" }));
  await s3.send(new PutObjectCommand({ Bucket: "code", Key: "run_sql.py", Body: await readFile(RUN_SQL) }));
  const Command = { Name: "glueetl", ScriptLocation: "s3://code/run_sql.py" };
  await glue.send(
    new CreateJobCommand({ Name: "job", Role: "r", Command, Timeout, WorkerType: "G.1X", NumberOfWorkers: 4 }),
  );
  await ask(url, "POST", "faults", { operation: "Glue.StartJobRun", kind: "stall_run", ...fault });
  const Arguments = { "--sql": "ok" };
  const { JobRunId } = await glue.send(
    new StartJobRunCommand({ JobName: "job", Arguments, ExecutionClass: "FLEX", Timeout }),
  );
  const end = () =>
    until("the run's end", async (): Promise<JobRun | null> => {
      const { JobRun: run } = await glue.send(new GetJobRunCommand({ JobName: "job", RunId: JobRunId }));
      return run?.CompletedOn === undefined ? null : run;
    });
  return { ...clients, id: JobRunId ?? "", end };
}

const span = (from: Date | undefined, to: Date | undefined): number => (to?.getTime() ?? 0) - (from?.getTime() ?? 0);

test("at a factor of 2400 a Glue run of a second says that it took forty minutes, and what it used follows", async () => {
  const { url } = await startServer({ time: { factor: 2400, from: NIGHT } });
  const began = performance.now();
  const { id, end, logs, s3 } = await glueAt(url, 600, { ms: 40 * MINUTE });
  const run = await end();
  const real = performance.now() - began;
  // Forty minutes stalled, and not many more than the real time allows for.
  expect(real).toBeGreaterThanOrEqual(1000);
  const seconds = run.ExecutionTime ?? 0;
  expect(seconds).toBeGreaterThanOrEqual(40 * 60);
  expect(seconds).toBeLessThanOrEqual((real * 2400) / 1000 + 1);
  expect(run).toMatchObject({ JobRunState: "SUCCEEDED", DPUSeconds: seconds * 4 });
  expect(run.StartedOn?.getTime()).toBeGreaterThanOrEqual(NIGHT);
  expect(span(run.StartedOn, run.CompletedOn)).toBeGreaterThanOrEqual(40 * MINUTE);

  const lines = await until("a log line", async () => {
    const { events = [] } = await logs.send(
      new GetLogEventsCommand({ logGroupName: "/aws-glue/jobs/output", logStreamName: id }),
    );
    return events.length > 0 ? events : null;
  });
  expect(lines[0]?.timestamp).toBeGreaterThanOrEqual((run.StartedOn?.getTime() ?? 0) + 40 * MINUTE);
  const { LastModified } = await s3.send(new HeadObjectCommand({ Bucket: "code", Key: "run_sql.py" }));
  // HTTP dates have whole seconds.
  expect(LastModified?.getTime()).toBeGreaterThanOrEqual(NIGHT - 1000);
  expect(LastModified?.getTime()).toBeLessThanOrEqual(run.StartedOn?.getTime() ?? 0);
});

test("a Glue run that stalls for ever ends at its own timeout of two hours, three seconds after its start", async () => {
  const { url } = await startServer({ time: { factor: 2400, from: NIGHT } });
  const { end } = await glueAt(url, 120, {});
  const run = await end();
  expect(run.JobRunState).toBe("TIMEOUT");
  // Late by what a busy machine takes.
  expect(run.ExecutionTime).toBeGreaterThanOrEqual(7200);
  expect(run.ExecutionTime).toBeLessThan(2 * 7200);
});

test("an idle EMR cluster ends after its quarter of an hour, and its timeline says so", async () => {
  const { url } = await startServer({ time: { factor: 2400, from: NIGHT } });
  const { emr } = clientsOf(url);
  const { JobFlowId } = await emr.send(
    new RunJobFlowCommand({
      Name: "idle",
      ReleaseLabel: "emr-7.13.0",
      Instances: { KeepJobFlowAliveWhenNoSteps: true },
      AutoTerminationPolicy: { IdleTimeout: 900 },
    }),
  );
  const timeline = await until("the cluster's end", async () => {
    const { Cluster } = await emr.send(new DescribeClusterCommand({ ClusterId: JobFlowId }));
    return Cluster?.Status?.State === "TERMINATED" ? Cluster.Status.Timeline : null;
  });
  expect(timeline?.CreationDateTime?.getTime()).toBeGreaterThanOrEqual(NIGHT);
  expect(span(timeline?.ReadyDateTime, timeline?.EndDateTime)).toBeGreaterThanOrEqual(15 * MINUTE);
});

test("a Redshift statement's duration is on the same clock", async () => {
  const { url } = await startServer({ time: { factor: 2400, from: NIGHT } });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const redshift = new RedshiftDataClient({ endpoint: url, region: "us-east-1", credentials });
  const { Id } = await redshift.send(
    new ExecuteStatementCommand({ WorkgroupName: "local", Database: "dev", Sql: "SELECT 1" }),
  );
  const ended = await until("the statement's end", async () => {
    const statement = await redshift.send(new DescribeStatementCommand({ Id }));
    return statement.Status === "FINISHED" ? statement : null;
  });
  expect(ended.CreatedAt?.getTime()).toBeGreaterThanOrEqual(NIGHT);
  // Nanoseconds; not even an empty statement is done within a real half millisecond, a scaled second.
  expect(ended.Duration).toBeGreaterThan(1e9);
  expect((ended.Duration ?? 0) / 1e6).toBeLessThanOrEqual(span(ended.CreatedAt, ended.UpdatedAt));
});

test("kill -9 and a restart keep the clock: it goes on without a jump", async () => {
  const home = await temporaryHome();
  const options = ["--home", home, "--time-scale", "2400", "--time-from", "2026-01-31T02:00:00-05:00"];
  const first = await program(...options);
  const before = await clockOf(first.url);
  expect(before).toMatchObject({ factor: 2400, engine_from: NIGHT });
  await killed(first.child);
  const second = await program(...options);
  expect(await clockOf(second.url)).toEqual(before);
});

test("a factor that is asked for later holds from where the clock then stands; --time-from holds only once", async () => {
  const home = await temporaryHome();
  const first = await program("--home", home, "--time-scale", "2400", "--time-from", "2026-01-31T07:00:00Z");
  const fast = await clockOf(first.url);
  await killed(first.child);
  const least = reading(fast);
  const second = await program("--home", home, "--time-from", "2020-01-01T00:00:00Z");
  const slow = await clockOf(second.url);
  expect(slow.factor).toBe(1);
  expect(slow.engine_from).toBeGreaterThanOrEqual(least);
  expect(slow.engine_from).toBe(Math.floor(fast.engine_from + (slow.real_from - fast.real_from) * 2400));
});

test("an object keeps its time when the factor changes", async () => {
  const home = await temporaryHome();
  const first = await startServer({ home, time: { factor: 2400, from: NIGHT } });
  const lastModified = async (url: string) =>
    (await clientsOf(url).s3.send(new HeadObjectCommand({ Bucket: "lake", Key: "k" }))).LastModified;
  await clientsOf(first.url).s3.send(new CreateBucketCommand({ Bucket: "lake" }));
  await clientsOf(first.url).s3.send(new PutObjectCommand({ Bucket: "lake", Key: "k", Body: "x" }));
  const told = await lastModified(first.url);
  await first.stop();
  const second = await startServer({ home });
  expect(await lastModified(second.url)).toEqual(told);
});

test("a file that was there before the clock keeps its age", async () => {
  const path = join(await temporaryHome(), "old.csv");
  await writeFile(path, "x");
  const clock = scaledClock([{ factor: 2400, realFrom: 1_000_000, engineFrom: NIGHT }]);
  await utimes(path, 940, 940);
  expect(clock.at(940_000)).toBe(NIGHT - MINUTE);
  expect(clock.at(1_001_000)).toBe(NIGHT + 40 * MINUTE);
});

test("the clock never goes back, though the wall's does", () => {
  let wall = 1_000_000;
  const clock = scaledClock([{ factor: 60, realFrom: 1_000_000, engineFrom: NIGHT }], () => wall);
  wall += 2000;
  expect(clock.now()).toBe(NIGHT + 2 * MINUTE);
  wall -= 1500;
  expect(clock.now()).toBe(NIGHT + 2 * MINUTE);
  wall += 2500;
  expect(clock.now()).toBe(NIGHT + 3 * MINUTE);
});

test("without options the clock is the wall's", async () => {
  const home = await temporaryHome();
  const earliest = Date.now();
  const clock = await openClock(home, { factor: 1, from: null });
  expect(clock.now()).toBeGreaterThanOrEqual(earliest);
  expect(clock.now()).toBeLessThanOrEqual(Date.now());
  expect(clock.at(earliest + 5)).toBe(earliest + 5);
});

test("a factor, a time and a kept clock that are none are one sentence each", async () => {
  const home = await temporaryHome();
  const refused = async (...args: readonly string[]) => {
    const { child, said } = await program("--home", home, ...args);
    expect(child.exitCode).toBe(1);
    return said();
  };
  for (const factor of ["0", "-1", "fast", "1e9"])
    expect(await refused(`--time-scale=${factor}`)).toMatch(/^--time-scale must be a number above 0.*\n$/);
  for (const from of ["yesterday", "2026-01-31T02:00:00"])
    expect(await refused("--time-from", from)).toMatch(/^--time-from must be a time with its offset.*\n$/);
  await writeFile(join(home, "clock.json"), "[{");
  expect(await refused()).toMatch(/clock\.json is no clock of local-aws.*\n$/);
});
