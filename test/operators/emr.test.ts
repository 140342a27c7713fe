import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SubmitContext } from "../../engine/core/operator.ts";
import { emrCluster } from "../../operators/emr-cluster/operator.ts";
import { emrClusterFacts } from "../../operators/emr-cluster/params.ts";
import { emrStep } from "../../operators/emr-step/operator.ts";
import { emrStepFacts } from "../../operators/emr-step/params.ts";
import { emrTerminate } from "../../operators/emr-terminate/operator.ts";
import { connectionTo, contextOf, never, observed } from "./contexts.ts";
import { startStubAws, type Answer, type StubAws } from "./stub-aws.ts";

let aws: StubAws;
let context: SubmitContext;
const on = (operation: string, answer: (input: Record<string, unknown>) => Answer): void =>
  aws.on(`ElasticMapReduce.${operation}`, answer);
const inputOf = (name: string): unknown => aws.calls.find((call) => call.operation.endsWith(`.${name}`))?.input;

beforeEach(async () => {
  aws = await startStubAws();
  context = contextOf(connectionTo(aws.url), { files: { "run.py": "print(1)", "a.sql": "SELECT 1" } });
});
afterEach(() => aws.stop());

const cluster = emrClusterFacts.params.parse({ name: "nightly", instance_type: "m5.xlarge", instances: 3 });
const ref = { cluster_id: "j-1", instance_type: "m5.xlarge", instances: 3 };

describe("emr.cluster", () => {
  it("starts a cluster whose name ends in the launch key and that ends itself when idle", async () => {
    on("RunJobFlow", () => ({ json: { JobFlowId: "j-1" } }));
    expect(await emrCluster.submit(cluster, context)).toEqual({ kind: "started", ref });
    expect(inputOf("RunJobFlow")).toMatchObject({
      Name: `nightly-${context.launchKey}`,
      ReleaseLabel: "emr-7.13.0",
      AutoTerminationPolicy: { IdleTimeout: 900 },
      Instances: {
        KeepJobFlowAliveWhenNoSteps: true,
        InstanceGroups: [
          { InstanceRole: "MASTER", InstanceCount: 1 },
          { InstanceRole: "CORE", InstanceCount: 2 },
        ],
      },
      Tags: expect.arrayContaining([{ Key: "nocturne:attempt", Value: "1" }]) as unknown,
    });
  });

  it("is found by its name among the clusters made since the intent, oldest first", async () => {
    const listed = (Id: string, Name: string, at: number): object => ({
      Id,
      Name,
      Status: { Timeline: { CreationDateTime: at } },
    });
    const { launchKey, intentAt } = context;
    on("ListClusters", ({ Marker }) =>
      Marker === undefined
        ? { json: { Clusters: [listed("j-3", `n-${launchKey}`, 30), listed("j-2", "n-other", 20)], Marker: "m" } }
        : { json: { Clusters: [listed("j-1", `n-${launchKey}`, 10)] } },
    );
    expect(await emrCluster.find?.(cluster, context)).toEqual([ref, { ...ref, cluster_id: "j-3" }]);
    expect(inputOf("ListClusters")).toEqual({ CreatedAfter: (intentAt - 300_000) / 1000 });
  });

  const looked = async (Status: object) => {
    on("DescribeCluster", () => ({ json: { Cluster: { Id: "j-1", Status } } }));
    return (await emrCluster.observe([observed(ref, context)], never))[0];
  };

  it.each([
    ["STARTING", "running"],
    ["BOOTSTRAPPING", "running"],
    ["TERMINATING", "running"],
    ["RUNNING", "succeeded"],
    ["WAITING", "succeeded"],
    ["TERMINATED", "failed"],
    ["TERMINATED_WITH_ERRORS", "failed"],
    ["SOMETHING_NEW", "failed"],
  ])("%s is %s", async (State, kind) => {
    expect((await looked({ State }))?.kind).toBe(kind);
  });

  it("keeps its meter open while it waits, and closes it at the end: 3 instances for 2 hours", async () => {
    const waiting = await looked({ State: "WAITING", Timeline: { CreationDateTime: Date.now() / 1000 - 30 } });
    expect(waiting).toMatchObject({ output: { cluster_id: "j-1" }, settleAfterMs: expect.any(Number) as number });
    const Timeline = { CreationDateTime: 0, ReadyDateTime: 1_000, EndDateTime: 8_200 };
    const ended = await looked({ State: "TERMINATED", Timeline });
    expect(ended).toMatchObject({
      kind: "failed",
      usage: [{ kind: "emr.m5.xlarge.instance_hour", quantity: "6", unit: "instance-hour" }],
    });
    expect(ended).not.toHaveProperty("settleAfterMs");
  });

  it.each(["WAITING", "TERMINATING"])("that is %s has its meter open to the engine's time", async (State) => {
    on("DescribeCluster", () => ({
      json: { Cluster: { Id: "j-1", Status: { State, Timeline: { ReadyDateTime: 1_000 } } } },
    }));
    const later = contextOf(connectionTo(aws.url), { now: () => 8_200_000 });
    const ref = { cluster_id: "j-1", instance_type: "m5.xlarge", instances: 3 };
    const [look] = await emrCluster.observe([observed(ref, later)], never);
    expect(look).toMatchObject({ usage: [{ kind: "emr.m5.xlarge.instance_hour", quantity: "6" }] });
  });

  it.each([
    ["VALIDATION_ERROR", "bad subnet", "permanent"],
    ["VALIDATION_ERROR", "EC2 has insufficient capacity", "capacity"],
    ["INTERNAL_ERROR", "sorry", "retryable"],
    ["BOOTSTRAP_FAILURE", "exit 1", "permanent"],
    ["USER_REQUEST", "Terminated by user request", "permanent"],
    ["USER_REQUEST", "terminated because it was idle", "resource_gone"],
    ["NEW_REASON", "what", "retryable"],
  ])("that ended by %s, %s, is %s", async (Code, Message, failureClass) => {
    const look = await looked({ State: "TERMINATED_WITH_ERRORS", StateChangeReason: { Code, Message } });
    expect(look).toMatchObject({
      failure: { class: failureClass, message: expect.stringContaining(Message) as string },
    });
  });

  it("is one list for several, in the order asked for", async () => {
    on("ListClusters", () => ({ json: { Clusters: [{ Id: "j-2", Status: { State: "STARTING" } }] } }));
    on("DescribeCluster", () => ({ error: "InvalidRequestException", message: "Cluster id 'j-1' is not valid." }));
    const looks = await emrCluster.observe(
      [observed(ref, context), observed({ ...ref, cluster_id: "j-2" }, context)],
      never,
    );
    expect(looks.map((look) => look.kind)).toEqual(["unseen", "running"]);
  });
});

describe("emr.step", () => {
  const step = emrStepFacts.params.parse({
    cluster_id: "j-1",
    name: "agg",
    script: "s3://code/run.py",
    arguments: { "param.ds": "D" },
  });
  const stepRef = (step_id: string) => observed({ cluster_id: "j-1", step_id }, context);

  it("adds one step by spark-submit that leaves its cluster alive when it fails", async () => {
    on("AddJobFlowSteps", () => ({ json: { StepIds: ["s-1"] } }));
    expect(await emrStep.submit(step, context)).toEqual({
      kind: "started",
      ref: { cluster_id: "j-1", step_id: "s-1" },
    });
    expect(inputOf("AddJobFlowSteps")).toEqual({
      JobFlowId: "j-1",
      Steps: [
        {
          Name: `agg-${context.launchKey}`,
          ActionOnFailure: "CONTINUE",
          HadoopJarStep: {
            Jar: "command-runner.jar",
            Args: ["spark-submit", "--deploy-mode", "client", "s3://code/run.py", "--param.ds", "D"],
          },
        },
      ],
    });
  });

  it.each([
    "Specified job flow ID does not exist.",
    "A job flow that is shutting down, terminated, or finished may not be modified.",
  ])("is refused with resource_gone when EMR says: %s", async (message) => {
    on("AddJobFlowSteps", () => ({ error: "ValidationException", message }));
    const result = await emrStep.submit(step, context);
    expect(result).toMatchObject({ kind: "refused", failure: { class: "resource_gone", code: "RESOURCE_GONE" } });
  });

  it("waits while the cluster holds as many steps as it can", async () => {
    on("AddJobFlowSteps", () => ({ error: "ValidationException", message: "Maximum number of active steps exceeded" }));
    expect((await emrStep.submit(step, context)).kind).toBe("throttled");
  });

  const looked = async (Status: object, clusterState: string) => {
    on("ListSteps", () => ({ json: { Steps: [{ Id: "s-1", Status }] } }));
    on("DescribeCluster", () => ({ json: { Cluster: { Status: { State: clusterState } } } }));
    return (await emrStep.observe([stepRef("s-1")], never))[0];
  };

  it.each([
    ["PENDING", "WAITING", { kind: "running", detail: "PENDING" }],
    ["CANCEL_PENDING", "WAITING", { kind: "running", detail: "CANCEL_PENDING" }],
    ["RUNNING", "RUNNING", { kind: "running", detail: "RUNNING" }],
    ["COMPLETED", "WAITING", { kind: "succeeded" }],
    ["FAILED", "WAITING", { kind: "failed", failure: { class: "retryable", code: "JOB_FAILED" } }],
    ["FAILED", "TERMINATING", { kind: "failed", failure: { class: "resource_gone" } }],
    ["CANCELLED", "WAITING", { kind: "failed", failure: { class: "permanent", code: "CANCELLED" } }],
    ["CANCELLED", "TERMINATED", { kind: "failed", failure: { class: "resource_gone" } }],
    ["INTERRUPTED", "WAITING", { kind: "failed", failure: { class: "resource_gone" } }],
    ["SOMETHING_NEW", "WAITING", { kind: "failed", failure: { code: "UNKNOWN_STATUS" } }],
  ])("%s on a cluster that is %s", async (State, clusterState, expected) => {
    expect(await looked({ State }, clusterState)).toMatchObject(expected);
  });

  it("says why it failed in EMR's words", async () => {
    const FailureDetails = { Reason: "Unknown Error", Message: "exit code 1", LogFile: "s3://logs/stderr.gz" };
    const look = await looked({ State: "FAILED", FailureDetails }, "WAITING");
    expect(look).toMatchObject({ failure: { message: "Unknown Error: exit code 1 (s3://logs/stderr.gz)" } });
  });

  it("is listed ten at a time, and alone when one id spoils the list", async () => {
    on("ListSteps", ({ StepIds }) => {
      const ids = StepIds as string[];
      if (ids.includes("s-bad")) return { error: "InvalidRequestException", message: "Step id 's-bad' is not valid." };
      return { json: { Steps: ids.map((Id) => ({ Id, Status: { State: "RUNNING" } })) } };
    });
    const ids = [...Array.from({ length: 10 }, (_, index) => `s-${index}`), "s-bad", "s-x"];
    const looks = await emrStep.observe(ids.map(stepRef), never);
    expect(looks.map((look) => look.kind)).toEqual([...Array<string>(10).fill("running"), "unseen", "running"]);
    expect(aws.calls.map((call) => (call.input["StepIds"] as string[]).length)).toEqual([10, 2, 1, 1]);
  });

  it("shows the last lines of its log in S3, and none when there is none yet", async () => {
    const stepOfLog = { cluster_id: "j-1", step_id: "s-1" };
    const missing = { raw: "<Error><Code>NoSuchKey</Code></Error>", status: 404, type: "application/xml" };
    aws.on("GET /artifacts/emr-logs/j-1/steps/s-1/stderr.gz", () => missing);
    aws.on("GET /artifacts/emr-logs/j-1/steps/s-1/stdout.gz", () => missing);
    expect(await emrStep.logTail?.(stepOfLog, context, 2)).toEqual([]);
    const log = gzipSync("one\ntwo\nthree\n");
    aws.onBytes("GET /artifacts/emr-logs/j-1/steps/s-1/stderr.gz", log);
    expect(await emrStep.logTail?.(stepOfLog, context, 2)).toEqual(["two", "three"]);
  });
});

describe("emr.terminate", () => {
  it("is done when the cluster has ended, and when EMR no longer knows it", async () => {
    const job = observed({ cluster_id: "j-1" }, context);
    const states = ["WAITING", "TERMINATING", "TERMINATED"];
    const kinds: (string | undefined)[] = [];
    for (const State of states) {
      on("DescribeCluster", () => ({ json: { Cluster: { Status: { State } } } }));
      kinds.push((await emrTerminate.observe([job], never))[0]?.kind);
    }
    on("DescribeCluster", () => ({ error: "InvalidRequestException", message: "Cluster id 'j-1' is not valid." }));
    kinds.push((await emrTerminate.observe([job], never))[0]?.kind);
    expect(kinds).toEqual(["running", "running", "succeeded", "succeeded"]);
  });

  it("counts as started when the cluster is gone already", async () => {
    on("TerminateJobFlows", () => ({ error: "ValidationException", message: "Specified job flow ID does not exist." }));
    expect((await emrTerminate.submit({ cluster_id: "j-1" }, context)).kind).toBe("started");
  });
});
