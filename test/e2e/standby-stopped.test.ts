import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openStore } from "../../engine/store/open.ts";
import { until, type LocalRun } from "./project.ts";
import type { RunningSystem } from "./running-system.ts";
import { expectOneAtATime, StandbyProject, type Written } from "./standby-project.ts";

let project: StandbyProject;

beforeEach(() => {
  project = new StandbyProject();
});
afterEach(async () => {
  first?.child.kill("SIGCONT");
  await project.close();
});

let first: RunningSystem | null = null;

/** Two processes of which `first` writes and the other stands by; every write is known from now on. */
async function pair(): Promise<[RunningSystem, RunningSystem]> {
  first = await project.engine("first");
  await project.audit();
  return [first, await project.engine("second")];
}

/** Lets `stopped` go on after another has taken over, and checks that it writes nothing any more. */
async function expectSilence(stopped: RunningSystem): Promise<void> {
  const taken = (await project.written()).find(({ who }) => who === "second");
  stopped.child.kill("SIGCONT");
  await stopped.says(/this process stands by now/);
  const ticks = (await project.ticks()).count;
  await until("three more ticks by the new writer", async () => (await project.ticks()).count >= ticks + 3);
  const written = await project.written();
  const isLate = ({ who, at, epoch }: Written): boolean =>
    who === "first" && at >= (taken?.at ?? NaN) && BigInt(epoch) <= BigInt(taken?.epoch ?? 0);
  expect(written.filter(isLate)).toEqual([]);
  expectOneAtATime(await project.writers(), "first", "second");
  expect(await project.ticks()).toMatchObject({ gaps: 0 });
}

/** It is as good a standby as any: the row comes back to it when the other one goes. */
async function expectReturn(stopped: RunningSystem, second: RunningSystem): Promise<void> {
  expect((await second.stop()).code).toBe(0);
  await stopped.says(/this process writes now/);
  expect((await stopped.stop()).code).toBe(0);
}

describe("a process that was stopped beyond its lease while another took over (rules 2, 4)", () => {
  test("writes not one row when it is woken, and stands by", async () => {
    const [stopped, second] = await pair();
    project.writeTick();
    await project.wrote("first", "run_key", 2);
    stopped.child.kill("SIGSTOP");
    await project.wrote("second", "run_key", 2);
    await expectSilence(stopped);
    await expectReturn(stopped, second);
  });

  test("in the middle of a flush, keeps nobody from the row and brings nothing of that flush in", async () => {
    const [stopped, second] = await pair();
    project.writeTick();
    await project.wrote("first", "run_key", 2);
    const databaseUrl = await project.databaseUrl();
    const store = await openStore({ databaseUrl, fleet: "nocturne", applicationName: "holder" });
    const holder = await store.pool.connect();
    await holder.query("BEGIN");
    await holder.query("SELECT FROM writer FOR NO KEY UPDATE");
    const flushing = (state: string) =>
      project.rows(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'first' AND state = $1 AND query LIKE '%FOR NO KEY UPDATE%'`,
        [state],
      );
    // The fence of a flush waits for us; its process is stopped before the answer, so that the flush stays begun.
    await until("a flush that waits", async () => (await flushing("active")).length === 1);
    stopped.child.kill("SIGSTOP");
    await holder.query("COMMIT");
    holder.release();
    await store.close();
    await until("the flush that is stopped", async () => (await flushing("idle in transaction")).length === 1);
    await project.wrote("second", "run_key", 2);
    await expectSilence(stopped);
    await expectReturn(stopped, second);
  });
});

const glueRuns = async (): Promise<LocalRun[]> => (await project.remoteRuns()).filter((run) => run.service === "Glue");

/** One attempt, one launch key, one job. */
async function expectOneJob(): Promise<void> {
  expect(await project.jobEnded()).toBe("success");
  const attempts = await project.rows<{ launch_key: string }>(
    "SELECT launch_key FROM attempt WHERE operator = 'glue.job'",
  );
  expect(attempts).toHaveLength(1);
  expect(await glueRuns()).toMatchObject([{ launchKey: attempts[0]?.launch_key, state: "SUCCEEDED" }]);
}

describe("a process that was stopped in the middle of a submit while another took over (rules 8, 15, 16)", () => {
  test("finds the answer when it is woken and does nothing with it: its job was found by then", async () => {
    const [stopped, second] = await pair();
    await project.fault({ operation: "Glue.StartJobRun", kind: "slow", ms: 1_000 });
    await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", ms: 8_000 });
    project.writeTick();
    project.writeJob();
    await until("the job", async () => (await glueRuns()).length === 1);
    stopped.child.kill("SIGSTOP");
    await project.wrote("second", "attempt");
    await expectOneJob();
    await expectSilence(stopped);
    expect(await project.calls("Glue.StartJobRun")).toBe(1);
    expect(await glueRuns()).toHaveLength(1);
    await expectReturn(stopped, second);
  });

  test("before it had sent, sends nothing after send_by", async () => {
    const [stopped, second] = await pair();
    await project.fault({ operation: "Glue.GetJob", kind: "hang", ms: 1_000 });
    project.writeTick();
    project.writeJob();
    await until("the question before the launch", async () => (await project.calls("Glue.GetJob")) > 0);
    stopped.child.kill("SIGSTOP");
    expect(await glueRuns()).toEqual([]);
    await expectOneJob();
    const questions = await project.calls("Glue.GetJob");
    stopped.child.kill("SIGCONT");
    await until("the question again, by who was woken", async () => (await project.calls("Glue.GetJob")) > questions);
    await expectSilence(stopped);
    expect(await project.calls("Glue.StartJobRun")).toBe(1);
    expect(await glueRuns()).toHaveLength(1);
    await expectReturn(stopped, second);
  });
});
