import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SubmitContext } from "../../engine/core/operator.ts";
import { glueJob } from "../../operators/glue-job/operator.ts";
import { glueJobFacts } from "../../operators/glue-job/params.ts";
import { connectionTo, contextOf, never, observed } from "./contexts.ts";
import { startStubAws, type StubAws } from "./stub-aws.ts";

const params = glueJobFacts.params.parse({
  job: "clean",
  script: "deploy/run.py",
  worker_type: "G.1X",
  workers: 4,
  files: { sql: "sql/clean.sql" },
  arguments: { "param.ds": "2026-01-01", "param.late_days": 7 },
});
const files = { "deploy/run.py": "print(1)", "sql/clean.sql": "SELECT 1" };
const uriOf = (name: string, content: string): string =>
  `s3://artifacts/by-hash/${createHash("sha256").update(content).digest("hex")}/${name}`;
const SCRIPT = uriOf("run.py", "print(1)");

const ours = {
  Name: "clean",
  Description: "Managed by Nocturne: changes are overwritten",
  Role: "arn:aws:iam::000000000000:role/nocturne",
  GlueVersion: "5.1",
  MaxRetries: 0,
  ExecutionProperty: { MaxConcurrentRuns: 1000 },
  Command: { Name: "glueetl", PythonVersion: "3", ScriptLocation: SCRIPT },
};

let aws: StubAws;
let context: SubmitContext;
beforeEach(async () => {
  aws = await startStubAws();
  context = contextOf(connectionTo(aws.url), { files });
  aws.on("AWSGlue.StartJobRun", () => ({ json: { JobRunId: "jr_1" } }));
  aws.on("AWSGlue.GetJob", () => ({ json: { Job: ours } }));
  for (const uri of [SCRIPT, uriOf("clean.sql", "SELECT 1")]) {
    aws.on(`HEAD /${uri.slice(5)}`, () => ({ raw: "", status: 404, type: "application/xml" }));
    aws.on(`PUT /${uri.slice(5)}`, () => ({ raw: "", status: 200, type: "application/xml" }));
  }
});
afterEach(() => aws.stop());

const operations = (): string[] => aws.calls.map((call) => call.operation.replace(/^AWSGlue\./, ""));
const inputOf = (name: string): unknown => aws.calls.find((call) => call.operation === `AWSGlue.${name}`)?.input;

describe("glue.job launches", () => {
  it("uploads by content hash, makes the job, and starts a run that carries the launch key", async () => {
    aws.on("AWSGlue.GetJob", () => ({ error: "EntityNotFoundException" }));
    aws.on("AWSGlue.CreateJob", () => ({ json: { Name: "clean" } }));
    expect(await glueJob.submit(params, context)).toEqual({ kind: "started", ref: { job: "clean", run: "jr_1" } });
    expect(inputOf("CreateJob")).toMatchObject({
      ...ours,
      Tags: { "nocturne:dag": "nightly", "nocturne:task": "a_task" },
    });
    expect(inputOf("StartJobRun")).toEqual({
      JobName: "clean",
      WorkerType: "G.1X",
      NumberOfWorkers: 4,
      ExecutionClass: "STANDARD",
      Arguments: {
        "--sql": uriOf("clean.sql", "SELECT 1"),
        "--param.ds": "2026-01-01",
        "--param.late_days": "7",
        "--nocturne-launch-key": context.launchKey,
      },
    });
  });

  it("asks for the job and its files once a process", async () => {
    await glueJob.submit(params, context);
    const before = aws.calls.length;
    await glueJob.submit(params, contextOf(context.connection, { files }));
    expect(operations().slice(before)).toEqual(["StartJobRun"]);
  });

  it("asks for its files again after ten minutes: a lifecycle rule may have removed them", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      await glueJob.submit(params, context);
      const before = aws.calls.length;
      vi.setSystemTime(Date.now() + 10 * 60_000);
      await glueJob.submit(params, context);
      // The SDK may ask twice where the clocks differ; what counts is which objects were asked for.
      const asked = new Set(
        operations()
          .slice(before)
          .filter((each) => /^(HEAD|PUT) /.test(each)),
      );
      expect([...asked].map((each) => each.split(" ")[0]).sort()).toEqual(["HEAD", "HEAD", "PUT", "PUT"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("runs its own script through --scriptLocation when the job's definition names another", async () => {
    aws.on("AWSGlue.GetJob", () => ({
      json: { Job: { ...ours, Command: { ...ours.Command, ScriptLocation: "s3://a/old.py" } } },
    }));
    await glueJob.submit(params, context);
    expect(operations()).not.toContain("UpdateJob");
    expect(inputOf("StartJobRun")).toMatchObject({ Arguments: { "--scriptLocation": SCRIPT } });
  });

  it("updates its own job when what a run cannot override differs", async () => {
    aws.on("AWSGlue.GetJob", () => ({ json: { Job: { ...ours, GlueVersion: "4.0" } } }));
    aws.on("AWSGlue.UpdateJob", () => ({ json: { JobName: "clean" } }));
    await glueJob.submit(params, context);
    expect(inputOf("UpdateJob")).toMatchObject({ JobName: "clean", JobUpdate: { GlueVersion: "5.1", MaxRetries: 0 } });
  });

  it("neither changes nor runs somebody else's job that retries by itself", async () => {
    aws.on("AWSGlue.GetJob", () => ({ json: { Job: { ...ours, Description: "mine", MaxRetries: 2 } } }));
    const result = await glueJob.submit(params, context);
    expect(result).toMatchObject({ kind: "refused", failure: { code: "AWS_REFUSED" } });
    expect(result).toMatchObject({ failure: { message: expect.stringContaining("MaxRetries 2") as string } });
    expect(operations()).not.toContain("StartJobRun");
  });

  it("is certain that nothing started when it fails before the start", async () => {
    aws.on("AWSGlue.GetJob", () => ({ error: "InternalServiceException", status: 500 }));
    expect((await glueJob.submit(params, context)).kind).toBe("throttled");
    expect(operations()).not.toContain("StartJobRun");
  });

  it("waits for capacity", async () => {
    aws.on("AWSGlue.StartJobRun", () => ({ error: "ConcurrentRunsExceededException" }));
    expect((await glueJob.submit(params, context)).kind).toBe("throttled");
  });

  it("sends StartJobRun once when its reply is lost", async () => {
    aws.on("AWSGlue.StartJobRun", () => "reset");
    expect((await glueJob.submit(params, context)).kind).toBe("doubt");
    expect(operations().filter((each) => each === "StartJobRun")).toHaveLength(1);
  });

  it("makes the job again after somebody deleted it", async () => {
    await glueJob.submit(params, context);
    aws.on("AWSGlue.StartJobRun", () => ({ error: "EntityNotFoundException" }));
    expect((await glueJob.submit(params, context)).kind).toBe("throttled");
    aws.on("AWSGlue.StartJobRun", () => ({ json: { JobRunId: "jr_2" } }));
    expect((await glueJob.submit(params, context)).kind).toBe("started");
    expect(operations().filter((each) => each === "GetJob")).toHaveLength(2);
  });
});

describe("glue.job is found by its launch key", () => {
  const run = (id: string, key: string, minutesAgo: number): object => ({
    Id: id,
    StartedOn: Date.now() / 1000 - minutesAgo * 60,
    Arguments: { "--nocturne-launch-key": key },
  });

  it("oldest first, from five minutes before the intent, and not a page further", async () => {
    const { launchKey } = context;
    aws.on("AWSGlue.GetJobRuns", () => ({
      json: {
        JobRuns: [
          run("new", launchKey, 0),
          run("other", "x", 1),
          run("old", launchKey, 2),
          run("before", launchKey, 9),
        ],
        NextToken: "more",
      },
    }));
    expect(await glueJob.find?.(params, context)).toEqual([
      { job: "clean", run: "old" },
      { job: "clean", run: "new" },
    ]);
    expect(operations()).toEqual(["GetJobRuns"]);
  });

  it("or the search fails loudly after three pages that did not reach the launch", async () => {
    aws.on("AWSGlue.GetJobRuns", () => ({ json: { JobRuns: [run("r", "x", 0)], NextToken: "more" } }));
    await expect(glueJob.find?.(params, context)).rejects.toThrow("3 pages did not reach the time of the launch");
    expect(operations()).toHaveLength(3);
  });
});

describe("glue.job is looked at", () => {
  const looked = async (run: object) => {
    aws.on("AWSGlue.GetJobRun", () => ({ json: { JobRun: { Id: "jr_1", MaxCapacity: 6, ...run } } }));
    return (await glueJob.observe([observed({ job: "clean", run: "jr_1" }, context)], never))[0];
  };

  it.each(["STARTING", "RUNNING", "STOPPING", "WAITING"])("running while Glue says %s", async (JobRunState) => {
    expect(await looked({ JobRunState })).toMatchObject({ kind: "running", detail: JobRunState });
  });

  it.each([
    ["FAILED", "retryable", "JOB_FAILED"],
    ["ERROR", "retryable", "JOB_FAILED"],
    ["EXPIRED", "retryable", "JOB_FAILED"],
    ["TIMEOUT", "retryable", "TIMEOUT"],
    ["STOPPED", "permanent", "CANCELLED"],
    ["SOMETHING_NEW", "permanent", "UNKNOWN_STATUS"],
  ])("failed when Glue says %s", async (JobRunState, failureClass, code) => {
    const look = await looked({ JobRunState, CompletedOn: 1_700_000_000 });
    expect(look).toMatchObject({ kind: "failed", failure: { class: failureClass, code } });
  });

  it("succeeded with what it used: 6 DPU for 15 minutes are 1.5 DPU-hours", async () => {
    const run = { JobRunState: "SUCCEEDED", ExecutionTime: 900, CompletedOn: 1_700_000_900 };
    expect(await looked(run)).toEqual({
      kind: "succeeded",
      output: { job_run_id: "jr_1", execution_seconds: 900, dpu_seconds: 5400 },
      usage: [{ kind: "glue.dpu_hour", quantity: "1.5", unit: "DPU-hour" }],
    });
  });

  it("bills FLEX by Glue's own DPU-seconds, and at least a minute", async () => {
    const run = {
      JobRunState: "SUCCEEDED",
      ExecutionTime: 5,
      DPUSeconds: 12.5,
      ExecutionClass: "FLEX",
      CompletedOn: 1_700_000_005,
    };
    expect(await looked(run)).toMatchObject({ usage: [{ kind: "glue.dpu_hour.flex", quantity: "0.1" }] });
  });

  it("tells in flight what it has used by the engine's time, at least a minute, and after a stop what it ran", async () => {
    const from = 1_700_000_000;
    const job = { Id: "jr_1", MaxCapacity: 6, StartedOn: from };
    const usageAt = async (seconds: number, run: object) => {
      aws.on("AWSGlue.GetJobRun", () => ({ json: { JobRun: { ...job, ...run } } }));
      const then = contextOf(context.connection, { now: () => (from + seconds) * 1000 });
      const [look] = await glueJob.observe([observed({ job: "clean", run: "jr_1" }, then)], never);
      return look && "usage" in look ? look.usage : null;
    };
    const usage = (quantity: string) => [{ kind: "glue.dpu_hour", quantity, unit: "DPU-hour" }];
    expect(await usageAt(10, { JobRunState: "STARTING" })).toEqual(usage("0.1"));
    expect(await usageAt(900, { JobRunState: "RUNNING" })).toEqual(usage("1.5"));
    expect(await usageAt(1_000, { JobRunState: "STOPPING" })).toEqual(usage("1.666666666667"));
    const stopped = { JobRunState: "STOPPED", ExecutionTime: 960, CompletedOn: from + 970 };
    expect(await usageAt(2_000, stopped)).toEqual(usage("1.6"));
  });

  it("bills nothing for a run that ended before it ran", async () => {
    expect(await looked({ JobRunState: "FAILED", ExecutionTime: 0, CompletedOn: 1_700_000_005 })).toMatchObject({
      usage: [],
    });
  });

  it("in the order asked for, one list a job, and alone what the list does not hold", async () => {
    aws.on("AWSGlue.GetJobRuns", () => ({ json: { JobRuns: [{ Id: "b", JobRunState: "RUNNING" }] } }));
    aws.on("AWSGlue.GetJobRun", ({ RunId }) =>
      RunId === "a" ? { json: { JobRun: { Id: "a", JobRunState: "STARTING" } } } : { error: "EntityNotFoundException" },
    );
    const refs = ["a", "gone", "b"].map((run) => observed({ job: "clean", run }, context));
    const looks = await glueJob.observe(refs, never);
    expect(looks.map((look) => (look.kind === "running" ? look.detail : look.kind))).toEqual([
      "STARTING",
      "unseen",
      "RUNNING",
    ]);
    expect(operations()).toEqual(["GetJobRuns", "GetJobRun", "GetJobRun"]);
  });

  const pagesOf = (...ids: readonly (readonly string[])[]): void => {
    aws.on("AWSGlue.GetJobRuns", ({ NextToken }) => {
      const page = Number(NextToken ?? 0);
      const JobRuns = (ids[page] ?? []).map((Id) => ({ Id, JobRunState: "RUNNING" }));
      return { json: { JobRuns, ...(page + 1 < ids.length ? { NextToken: String(page + 1) } : {}) } };
    });
    aws.on("AWSGlue.GetJobRun", ({ RunId }) => ({ json: { JobRun: { Id: RunId, JobRunState: "STARTING" } } }));
  };
  const detailsOf = async (ids: readonly string[]) => {
    const looks = await glueJob.observe(
      ids.map((run) => observed({ job: "clean", run }, context)),
      never,
    );
    return looks.map((look) => (look.kind === "running" ? look.detail : look.kind));
  };
  const named = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

  it("page by page, as long as pages are fewer calls than single looks", async () => {
    const ids = named("jr_", 250);
    pagesOf(ids.slice(0, 200), ids.slice(200), ["jr_other"]);
    expect(await detailsOf(ids)).toEqual(ids.map(() => "RUNNING"));
    expect(operations()).toEqual(["GetJobRuns", "GetJobRuns"]);
  });

  it("alone when the list's first page does not hold a few of them", async () => {
    pagesOf(named("newer", 200), named("jr_", 2));
    expect(await detailsOf(named("jr_", 2))).toEqual(["STARTING", "STARTING"]);
    expect(operations()).toEqual(["GetJobRuns", "GetJobRun", "GetJobRun"]);
  });

  it("not at all when the look fails: an error of a look is no result", async () => {
    aws.on("AWSGlue.GetJobRun", () => ({ error: "AccessDeniedException" }));
    await expect(glueJob.observe([observed({ job: "clean", run: "jr_1" }, context)], never)).rejects.toThrow();
  });
});

describe("glue.job's parameters", () => {
  it("refuse an argument with two givers, and those that Nocturne sets", () => {
    const issues = (extra: object) =>
      glueJobFacts.params.safeParse({ ...params, ...extra }).error?.issues.map((issue) => issue.message);
    expect(issues({ arguments: { sql: "x" } })).toEqual(["--sql is also in files"]);
    expect(issues({ arguments: { "nocturne-launch-key": "x" } })).toEqual([
      "--nocturne-launch-key is set by Nocturne or Glue",
    ]);
  });
});

describe("glue.job's log", () => {
  it("is empty when Glue wrote none, and else the last lines of the first group that has some", async () => {
    aws.on("Logs_20140328.GetLogEvents", () => ({ error: "ResourceNotFoundException" }));
    const ref = { job: "clean", run: "jr_1" };
    expect(await glueJob.logTail?.(ref, context, 2)).toEqual([]);
    aws.on("Logs_20140328.GetLogEvents", ({ logGroupName }) =>
      logGroupName === "/aws-glue/jobs/error"
        ? { json: { events: [] } }
        : { json: { events: [{ message: "a\nb\n" }, { message: "c" }] } },
    );
    expect(await glueJob.logTail?.(ref, context, 2)).toEqual(["b", "c"]);
  });
});
