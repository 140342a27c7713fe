import { afterEach, beforeEach, expect, test } from "vitest";
import { Project, expectOneJobPerKey, until, type LocalRun } from "./project.ts";

let project: Project;

beforeEach(async () => {
  project = new Project();
  await project.startAws();
  await project.upload(1);
});
afterEach(() => project.close());

const glueRuns = async (): Promise<LocalRun[]> => (await project.remoteRuns()).filter((run) => run.service === "Glue");

/** Starts the night, kills the program with SIGKILL at `moment`, and lets the same command carry on. */
async function killAt(moment: () => Promise<boolean>): Promise<void> {
  const first = project.backfill(1, 1);
  await until("the moment to kill", moment);
  first.kill("SIGKILL");
  await first.finished;
  await project.clearFaults();
}

async function carryOn(): Promise<void> {
  const again = await project.backfill(1, 1).finished;
  expect(again.code, again.stdout + again.stderr).toBe(0);
  const list = await project.run("runs", "list", "--json");
  const { runs } = JSON.parse(list.stdout) as { runs: { state: string }[] };
  expect(runs.map((run) => run.state)).toEqual(["success"]);
  expectOneJobPerKey(await project.remoteRuns());
}

test("killed before a submit was sent: the night goes on, one job per launch key", async () => {
  await project.fault({ operation: "Glue.GetJob", kind: "hang", times: 1 });
  await killAt(async () => (await project.calls("Glue.GetJob")) > 0);
  expect(await glueRuns()).toEqual([]);
  await carryOn();
  expect((await glueRuns()).length).toBe(1);
});

test("killed after the submit and before its answer: the job is found, not started again", async () => {
  await project.fault({ operation: "Glue.StartJobRun", kind: "hang_after", times: 1 });
  await killAt(async () => (await glueRuns()).length > 0);
  await carryOn();
  expect((await glueRuns()).length).toBe(1);
});

test("killed while a job runs: the job is looked at again, not started again", async () => {
  await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", times: 1, ms: 2000 });
  await killAt(async () => (await project.calls("Glue.GetJobRun")) > 2);
  await carryOn();
  expect((await glueRuns()).length).toBe(1);
});

test("local-aws killed during a run and started again: the night is green, one job per launch key", async () => {
  await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", times: 1, ms: 1000 });
  const night = project.backfill(1, 1);
  await until("the run", async () => (await glueRuns()).some((run) => run.state === "RUNNING"));
  await project.killAws();
  await project.startAws();
  const done = await night.finished;
  expect(done.code, done.stdout + done.stderr).toBe(0);
  expect((await glueRuns()).length).toBe(1);
  expectOneJobPerKey(await project.remoteRuns());
});

test("a lost reply on StartJobRun leaves one run", async () => {
  await project.fault({ operation: "Glue.StartJobRun", kind: "reset_after", times: 1 });
  const done = await project.backfill(1, 1).finished;
  expect(done.code, done.stdout + done.stderr).toBe(0);
  expect((await glueRuns()).map((run) => run.state)).toEqual(["SUCCEEDED"]);
  expectOneJobPerKey(await project.remoteRuns());
});

test("lost replies on every other submit leave one job each", async () => {
  const submits = [
    "EMR.RunJobFlow",
    "EMR.AddJobFlowSteps",
    "RedshiftData.BatchExecuteStatement",
    "Athena.StartQueryExecution",
  ];
  for (const operation of submits) await project.fault({ operation, kind: "reset_after", times: 1 });
  const done = await project.backfill(1, 1).finished;
  expect(done.code, done.stdout + done.stderr).toBe(0);
  expectOneJobPerKey(await project.remoteRuns());
});
