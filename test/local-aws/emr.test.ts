import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import {
  AddJobFlowStepsCommand,
  AddTagsCommand,
  CancelStepsCommand,
  DescribeClusterCommand,
  DescribeStepCommand,
  InvalidRequestException,
  ListClustersCommand,
  ListInstancesCommand,
  ListStepsCommand,
  RunJobFlowCommand,
  TerminateJobFlowsCommand,
  type ActionOnFailure,
  type Cluster,
  type EMRClient,
  type RunJobFlowCommandInput,
  type Step,
  type StepConfig,
} from "@aws-sdk/client-emr";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { until } from "../setup/until.ts";
import { ask, clientsOf, startServer, temporaryHome } from "./start.ts";

const RUN_SQL = new URL("../../deploy/spark/run_sql.py", import.meta.url);
const KEY = "0123456789abcdef".repeat(3);

async function emrWithCode(home?: string) {
  const local = await startServer(home === undefined ? {} : { home });
  const { emr, s3 } = clientsOf(local.url);
  await s3.send(new CreateBucketCommand({ Bucket: "code" }));
  await s3.send(new PutObjectCommand({ Bucket: "code", Key: "run_sql.py", Body: await readFile(RUN_SQL) }));
  return { ...local, emr, s3 };
}

async function cluster(emr: EMRClient, more: Partial<RunJobFlowCommandInput> = {}): Promise<string> {
  const { JobFlowId } = await emr.send(
    new RunJobFlowCommand({
      Name: `nightly-${KEY}`,
      ReleaseLabel: "emr-7.13.0",
      Instances: { KeepJobFlowAliveWhenNoSteps: true, InstanceCount: 3, MasterInstanceType: "m6g.xlarge" },
      ...more,
    }),
  );
  return JobFlowId ?? "";
}

function sparkStep(sql: string, ActionOnFailure: ActionOnFailure = "CONTINUE"): StepConfig {
  const submit = ["spark-submit", "--deploy-mode", "cluster", "--conf", "spark.x=1", "s3://code/run_sql.py"];
  const HadoopJarStep = { Jar: "command-runner.jar", Args: [...submit, "--sql", sql, "--input.curated", "s3://x/"] };
  return { Name: `step-${sql}-${KEY}`, ActionOnFailure, HadoopJarStep };
}

async function addSteps(emr: EMRClient, JobFlowId: string, ...Steps: StepConfig[]): Promise<readonly string[]> {
  const { StepIds } = await emr.send(new AddJobFlowStepsCommand({ JobFlowId, Steps }));
  return StepIds ?? [];
}

function clusterIn(emr: EMRClient, ClusterId: string, ...states: readonly string[]): Promise<Cluster> {
  return until(`cluster ${states.join(" or ")}`, async () => {
    const { Cluster: found } = await emr.send(new DescribeClusterCommand({ ClusterId }));
    return states.includes(found?.Status?.State ?? "") ? found : null;
  });
}

function stepIn(emr: EMRClient, ClusterId: string, StepId: string, ...states: readonly string[]): Promise<Step> {
  return until(`step ${states.join(" or ")}`, async () => {
    const { Step: found } = await emr.send(new DescribeStepCommand({ ClusterId, StepId }));
    return states.includes(found?.Status?.State ?? "") ? found : null;
  });
}

test("a cluster starts, waits, and ends when told to", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr, { Tags: [{ Key: "dag", Value: "sales" }] });
  expect(id).toMatch(/^j-[A-Z0-9]{13}$/);
  expect((await clusterIn(emr, id, "WAITING")).Status?.Timeline?.ReadyDateTime).toBeInstanceOf(Date);
  await emr.send(new AddTagsCommand({ ResourceId: id, Tags: [{ Key: "night", Value: "1" }] }));
  const { Instances } = await emr.send(new ListInstancesCommand({ ClusterId: id }));
  expect(Instances?.map(({ InstanceType }) => InstanceType)).toEqual(["m6g.xlarge", "m5.xlarge", "m5.xlarge"]);
  await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
  const ended = await clusterIn(emr, id, "TERMINATED");
  expect(ended.Status).toMatchObject({
    StateChangeReason: { Code: "USER_REQUEST", Message: "Terminated by user request" },
  });
  expect(ended.Tags?.map(({ Key }) => Key)).toEqual(["dag", "night"]);
  await expect(addSteps(emr, id, sparkStep("ok"))).rejects.toMatchObject({ name: "ValidationException" });
});

test("steps run one after the other, and their logs lie in S3 when they have ended", async () => {
  const { emr, s3, url } = await emrWithCode();
  const id = await cluster(emr, { LogUri: "s3n://code/logs" });
  const [good = "", bad = "", last = ""] = await addSteps(emr, id, sparkStep("ok"), sparkStep("fail"), sparkStep("ok"));
  const failed = await stepIn(emr, id, bad, "FAILED");
  const done = await stepIn(emr, id, last, "COMPLETED");
  const LogFile = `s3://code/logs/${id}/steps/${bad}/stderr.gz`;
  expect(failed.Status?.FailureDetails).toMatchObject({ Reason: "column net_sales is missing", LogFile });
  const times = (step: Step) => step.Status?.Timeline ?? {};
  expect(times(done).StartDateTime?.getTime()).toBeGreaterThanOrEqual(times(failed).EndDateTime?.getTime() ?? Infinity);
  const log = async (step: string, name: string) => {
    const Key = `logs/${id}/steps/${step}/${name}.gz`;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "code", Key }));
    return gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array()).toString();
  };
  expect(await log(bad, "stderr")).toBe("column net_sales is missing\n");
  expect(await log(good, "stdout")).toBe("asked for ok\n");
  const { Steps } = await emr.send(new ListStepsCommand({ ClusterId: id }));
  expect(Steps?.map((step) => step.Id)).toEqual([last, bad, good]);
  const onlyFailed = await emr.send(new ListStepsCommand({ ClusterId: id, StepStates: ["FAILED"] }));
  expect(onlyFailed.Steps?.map((step) => step.Id)).toEqual([bad]);
  const runs = (await ask(url, "GET", "runs")) as { readonly launchKey: string }[];
  expect(runs.map(({ launchKey }) => launchKey)).toEqual([KEY, KEY, KEY, KEY]);
});

test("a cluster that is not to be kept ends with its last step", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr, { Instances: { InstanceCount: 1 }, Steps: [sparkStep("ok")] });
  const ended = await clusterIn(emr, id, "TERMINATED", "TERMINATED_WITH_ERRORS");
  expect(ended.Status).toMatchObject({ State: "TERMINATED", StateChangeReason: { Code: "ALL_STEPS_COMPLETED" } });
});

test("a failed step with TERMINATE_CLUSTER ends the cluster with errors and cancels the rest", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr);
  const [, rest = ""] = await addSteps(emr, id, sparkStep("fail", "TERMINATE_CLUSTER"), sparkStep("ok"));
  const ended = await clusterIn(emr, id, "TERMINATED_WITH_ERRORS");
  expect(ended.Status?.StateChangeReason?.Code).toBe("STEP_FAILURE");
  await stepIn(emr, id, rest, "CANCELLED");
});

test("a failed step with CANCEL_AND_WAIT cancels the pending ones and leaves the cluster waiting", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr);
  const [, rest = ""] = await addSteps(emr, id, sparkStep("fail", "CANCEL_AND_WAIT"), sparkStep("ok"));
  await stepIn(emr, id, rest, "CANCELLED");
  await clusterIn(emr, id, "WAITING");
  const [next = ""] = await addSteps(emr, id, sparkStep("ok"));
  await stepIn(emr, id, next, "COMPLETED");
});

test("running and pending steps can be cancelled, ended ones cannot", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr);
  const StepIds = [...(await addSteps(emr, id, sparkStep("hang"), sparkStep("ok")))];
  await stepIn(emr, id, StepIds[0] ?? "", "RUNNING");
  const cancel = new CancelStepsCommand({ ClusterId: id, StepIds });
  const { CancelStepsInfoList } = await emr.send(cancel);
  expect(CancelStepsInfoList?.map(({ Status }) => Status)).toEqual(["SUBMITTED", "SUBMITTED"]);
  for (const step of StepIds) await stepIn(emr, id, step, "CANCELLED");
  const again = await emr.send(cancel);
  expect(again.CancelStepsInfoList?.map(({ Status }) => Status)).toEqual(["FAILED", "FAILED"]);
});

test("terminating a cluster cancels the step that runs", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr);
  const [step = ""] = await addSteps(emr, id, sparkStep("hang"));
  await stepIn(emr, id, step, "RUNNING");
  await emr.send(new TerminateJobFlowsCommand({ JobFlowIds: [id] }));
  await clusterIn(emr, id, "TERMINATED");
  await stepIn(emr, id, step, "CANCELLED");
});

test("StepConcurrencyLevel lets steps run side by side", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr, { StepConcurrencyLevel: 2 });
  const [one = "", two = "", three = ""] = await addSteps(emr, id, sparkStep("hang"), sparkStep("ok"), sparkStep("ok"));
  await stepIn(emr, id, two, "COMPLETED");
  await stepIn(emr, id, three, "COMPLETED");
  await stepIn(emr, id, one, "RUNNING");
});

test("an idle cluster ends by its auto-termination policy", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr, { AutoTerminationPolicy: { IdleTimeout: 1 } });
  await clusterIn(emr, id, "TERMINATED");
});

test("what is not a spark-submit fails with the reason", async () => {
  const { emr } = await emrWithCode();
  const id = await cluster(emr);
  const HadoopJarStep = { Jar: "command-runner.jar", Args: ["hive-script", "x"] };
  const [step = ""] = await addSteps(emr, id, { Name: "hive", ActionOnFailure: "CONTINUE", HadoopJarStep });
  const failed = await stepIn(emr, id, step, "FAILED");
  expect(failed.Status?.FailureDetails?.Message).toContain("runs only spark-submit");
});

test("unknown ids are refused as EMR does, and clusters are listed newest first by state", async () => {
  const { emr } = await emrWithCode();
  const unknown = emr.send(new DescribeClusterCommand({ ClusterId: "j-NOSUCH" }));
  await expect(unknown).rejects.toBeInstanceOf(InvalidRequestException);
  const first = await cluster(emr);
  const second = await cluster(emr);
  await clusterIn(emr, first, "WAITING");
  await clusterIn(emr, second, "WAITING");
  const listed = await emr.send(new ListClustersCommand({ ClusterStates: ["WAITING"] }));
  expect(listed.Clusters?.map(({ Id }) => Id)).toEqual([second, first]);
  const later = await emr.send(new ListClustersCommand({ CreatedAfter: new Date(Date.now() + 60_000) }));
  expect(later.Clusters).toEqual([]);
});

test("clusters and their running steps come back when local-aws does", async () => {
  const home = await temporaryHome();
  const first = await emrWithCode(home);
  const id = await cluster(first.emr);
  const [step = "", next = ""] = await addSteps(first.emr, id, sparkStep("hang"), sparkStep("ok"));
  await stepIn(first.emr, id, step, "RUNNING");
  await first.stop();
  const { emr } = clientsOf((await startServer({ home })).url);
  await stepIn(emr, id, step, "RUNNING");
  await emr.send(new CancelStepsCommand({ ClusterId: id, StepIds: [step] }));
  await stepIn(emr, id, next, "COMPLETED");
  await clusterIn(emr, id, "WAITING");
});
