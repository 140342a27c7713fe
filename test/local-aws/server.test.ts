import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  CreateJobCommand,
  GetJobRunCommand,
  GetJobsCommand,
  GetWorkflowCommand,
  StartJobRunCommand,
  type GlueClient,
} from "@aws-sdk/client-glue";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../setup/until.ts";
import { ask, clientsOf, startServer, temporaryHome } from "./start.ts";

const MAIN = fileURLToPath(new URL("../../dist/deploy/local-aws/main.js", import.meta.url));

interface Program {
  readonly child: ChildProcess;
  /** The first line on standard output; empty when it ended without one. */
  readonly ready: string;
  readonly errors: () => string;
}

async function program(...args: readonly string[]): Promise<Program> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, "line").then(([text]) => String(text));
  const ended = once(child, "close").then(() => "");
  return { child, ready: await Promise.race([line, ended]), errors: () => errors };
}

test("the program says where it serves, and stops with 0 on SIGTERM", async () => {
  const home = await temporaryHome();
  const { child, ready } = await program("--home", home);
  const { url, id, pid } = JSON.parse(ready) as { url: string; id: string; pid: number };
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(JSON.parse(await readFile(join(home, "endpoint.json"), "utf8"))).toMatchObject({ url, id, pid });
  expect(await ask(url, "GET", "health")).toMatchObject({ id, ok: true });
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("POST /_local/stop stops the program with 0", async () => {
  const { child, ready } = await program("--home", await temporaryHome());
  const exit = once(child, "exit");
  await ask((JSON.parse(ready) as { url: string }).url, "POST", "stop");
  expect(await exit).toEqual([0, null]);
});

test("a home that is served already, a port that is taken and a wrong option are one sentence each", async () => {
  const home = await temporaryHome();
  const { ready } = await program("--home", home);
  const { url } = JSON.parse(ready) as { url: string };
  const refused = async (...args: readonly string[]) => {
    const { child, errors } = await program(...args);
    expect(child.exitCode).toBe(1);
    return errors();
  };
  expect(await refused("--home", home)).toMatch(/^local-aws already serves .* at http:\S+ \(process \d+\)\n$/);
  const port = new URL(url).port;
  const other = await temporaryHome();
  expect(await refused("--home", other, "--port", port)).toBe(`port ${port} is taken; choose another with --port\n`);
  expect(await refused("--home", other, "--port", "x")).toMatch(/^--port must be a whole number.*\n$/);
  expect(await refused()).toMatch(/^usage: .*\n$/);
});

test("after kill -9 the home is served again, with everything that was acknowledged", async () => {
  const home = await temporaryHome();
  const first = await program("--home", home);
  const { s3 } = clientsOf((JSON.parse(first.ready) as { url: string }).url);
  await s3.send(new CreateBucketCommand({ Bucket: "lake" }));
  await s3.send(new PutObjectCommand({ Bucket: "lake", Key: "k", Body: "kept" }));
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  const second = await program("--home", home);
  const again = clientsOf((JSON.parse(second.ready) as { url: string }).url);
  const { Body } = await again.s3.send(new GetObjectCommand({ Bucket: "lake", Key: "k" }));
  expect(await Body?.transformToString()).toBe("kept");
});

test("a Glue run that was going at kill -9 runs again under its own id, once, and ends", async () => {
  const home = await temporaryHome();
  const first = await program("--home", home);
  const url = (JSON.parse(first.ready) as { url: string }).url;
  const { glue, s3 } = clientsOf(url);
  const put = (Key: string, Body: string | Buffer) => s3.send(new PutObjectCommand({ Bucket: "lake", Key, Body }));
  await s3.send(new CreateBucketCommand({ Bucket: "lake" }));
  await put("run_sql.py", await readFile(new URL("../../deploy/spark/run_sql.py", import.meta.url)));
  // Long enough to be seen running.
  const count = "SELECT CAST(SUM(a.range % 7 + b.range % 5) AS VARCHAR) FROM range(10000) a, range(2000) b";
  await put(
    "job.sql",
    `-- param: who\n-- output: sums\nCREATE OR REPLACE TEMP VIEW sums AS SELECT (${count}) AS total;`,
  );
  const Command = { Name: "glueetl", ScriptLocation: "s3://lake/run_sql.py" };
  await glue.send(new CreateJobCommand({ Name: "sums", Role: "r", Command }));
  const Arguments = {
    "--sql": "s3://lake/job.sql",
    "--param.who": "x",
    "--output.sums": "s3://lake/sums/?format=parquet",
  };
  const { JobRunId } = await glue.send(new StartJobRunCommand({ JobName: "sums", Arguments }));
  const run = (client: GlueClient) => client.send(new GetJobRunCommand({ JobName: "sums", RunId: JobRunId }));
  await until("RUNNING", async () => ((await run(glue)).JobRun?.JobRunState !== "STARTING" ? true : null));
  first.child.kill("SIGKILL");
  await once(first.child, "exit");

  const second = await program("--home", home);
  const again = clientsOf((JSON.parse(second.ready) as { url: string }).url);
  const ended = await until("the run's end", async () => {
    const { JobRun } = await run(again.glue);
    return JobRun?.CompletedOn === undefined ? null : JobRun;
  });
  expect(ended).toMatchObject({ JobRunState: "SUCCEEDED", Id: JobRunId });
  expect(await ask((JSON.parse(second.ready) as { url: string }).url, "GET", "runs")).toHaveLength(1);
  const written = await again.s3.send(new ListObjectsV2Command({ Bucket: "lake", Prefix: "sums/" }));
  expect(written.Contents?.length).toBeGreaterThan(0);
});

test("the program outlives the reader of its output", async () => {
  const { child, ready } = await program("--home", await temporaryHome());
  child.stdout?.destroy();
  child.stderr?.destroy();
  const { url } = JSON.parse(ready) as { url: string };
  await fetch(`${url}/_local/nothing`);
  expect(await ask(url, "GET", "health")).toMatchObject({ ok: true });
});

test("the caller's identity is the local account", async () => {
  const { sts } = clientsOf((await startServer()).url);
  expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: "000000000000",
    Arn: "arn:aws:iam::000000000000:root",
  });
});

test("an unknown key and a wrong secret are refused in each service's own words", async () => {
  const { url } = await startServer();
  const wrongSecret = clientsOf(url, 1, "wrong");
  const unknownKey = clientsOf(url, 1, "local", "AKIAUNKNOWN");
  const jobs = new GetJobsCommand({});
  const buckets = new ListBucketsCommand({});
  await expect(wrongSecret.glue.send(jobs)).rejects.toMatchObject({ name: "InvalidSignatureException" });
  await expect(unknownKey.glue.send(jobs)).rejects.toMatchObject({ name: "UnrecognizedClientException" });
  await expect(wrongSecret.s3.send(buckets)).rejects.toMatchObject({ name: "SignatureDoesNotMatch" });
  await expect(unknownKey.s3.send(buckets)).rejects.toMatchObject({ name: "InvalidAccessKeyId" });
  expect((await fetch(`${url}/lake/key`)).status).toBe(403);
});

test("an operation that does not exist here is a typed error, never a page", async () => {
  const { url } = await startServer();
  const { glue } = clientsOf(url);
  const unknown = glue.send(new GetWorkflowCommand({ Name: "x" }));
  await expect(unknown).rejects.toMatchObject({
    name: "UnknownOperationException",
    $metadata: { httpStatusCode: 400 },
  });
});

test("a request of the wrong shape is refused before it does anything", async () => {
  const { url } = await startServer();
  const { glue } = clientsOf(url);
  const wrongType = new StartJobRunCommand({ JobName: "x", Timeout: "soon" as unknown as number });
  await expect(glue.send(wrongType)).rejects.toMatchObject({ name: "SerializationException" });
  const missing = new StartJobRunCommand({ JobName: undefined });
  await expect(glue.send(missing)).rejects.toMatchObject({ name: "ValidationException" });
});

test("calls are counted by service and operation", async () => {
  const { url } = await startServer();
  const { glue, s3 } = clientsOf(url);
  await glue.send(new GetJobsCommand({}));
  await glue.send(new GetJobsCommand({}));
  await s3.send(new ListBucketsCommand({}));
  expect(await ask(url, "GET", "calls")).toEqual({ "Glue.GetJobs": 2, "S3.ListBuckets": 1 });
});

test("a web page cannot steer local-aws", async () => {
  const { url } = await startServer();
  const answer = await fetch(`${url}/_local/stop`, { method: "POST", headers: { origin: "http://example.com" } });
  expect(answer.status).toBe(403);
  await until("still there", async () => (await fetch(`${url}/_local/health`)).ok || null);
});
