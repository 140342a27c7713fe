import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until, type LocalRun } from "./project.ts";
import { expectOneAtATime, StandbyProject } from "./standby-project.ts";

let project: StandbyProject;

beforeEach(() => {
  project = new StandbyProject();
});
afterEach(() => project.close());

const glueRuns = async (): Promise<LocalRun[]> => (await project.remoteRuns()).filter((run) => run.service === "Glue");
const isRunning = async (): Promise<boolean> => (await glueRuns()).some(({ state }) => state === "RUNNING");

/** The one remote job of the one attempt that there was. */
async function expectOneJob(): Promise<void> {
  const attempts = await project.rows<{ launch_key: string; try_number: number }>(
    "SELECT launch_key, try_number FROM attempt WHERE operator = 'glue.job'",
  );
  expect(attempts).toMatchObject([{ try_number: 1 }]);
  expect(await glueRuns()).toMatchObject([{ launchKey: attempts[0]?.launch_key, state: "SUCCEEDED" }]);
}

describe("the writer is killed", () => {
  test("and a standby plans what is due and looks after the job that runs, which is started once (rules 1, 2, 11)", async () => {
    const first = await project.engine("first");
    await project.audit();
    const second = await project.engine("second");
    expect([first.ready.stands_by, second.ready.stands_by]).toEqual([false, true]);
    await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", ms: 8_000 });
    project.writeJob();
    project.writeTick();
    await until("the job", isRunning);
    await project.wrote("first");
    await first.stop("SIGKILL");

    await second.says(/this process writes now/);
    expect(await project.jobEnded()).toBe("success");
    await project.wrote("second", "run_key", 3);
    await expectOneJob();
    expect(await project.calls("Glue.StartJobRun")).toBe(1);
    expectOneAtATime(await project.writers(), "first", "second");
    expect(await project.ticks()).toMatchObject({ gaps: 0 });
    expect((await second.stop()).code).toBe(0);
  });

  test("and the next, and the next: of three that stand by there is always exactly one that writes (rule 1)", async () => {
    const begin = async (name: string) => [name, await project.engine(name)] as const;
    const first = await begin("first");
    await project.audit();
    const waiting = new Map([first, ...(await Promise.all(["second", "third", "fourth"].map(begin)))]);
    project.writeTick();
    for (let kill = 0; kill < 3; kill++) {
      const writer = await until("somebody who writes", async () => {
        const last = (await project.writers()).at(-1) ?? "";
        return waiting.has(last) ? last : null;
      });
      await project.wrote(writer, "run_key", 2);
      await waiting.get(writer)?.stop("SIGKILL");
      waiting.delete(writer);
    }
    const [last = ""] = waiting.keys();
    await project.wrote(last, "run_key", 2);
    const writers = await project.writers();
    expect(writers.at(-1)).toBe(last);
    expectOneAtATime(writers, "first", "second", "third", "fourth");
    expect(await project.ticks()).toMatchObject({ gaps: 0 });
    expect((await waiting.get(last)?.stop())?.code).toBe(0);
  });
});

describe("a launch that is in doubt at the kill (rule 16)", () => {
  test("had arrived: it is searched and found, and not sent again", async () => {
    const first = await project.engine("first");
    const second = await project.engine("second");
    await project.fault({ operation: "Glue.StartJobRun", kind: "hang_after" });
    project.writeJob();
    await until("the job", async () => (await glueRuns()).length === 1);
    await first.stop("SIGKILL");
    expect(await project.jobEnded()).toBe("success");
    await expectOneJob();
    expect(await project.calls("Glue.StartJobRun")).toBe(1);
    expect(await project.calls("Glue.GetJobRuns")).toBeGreaterThan(0);
    expect((await second.stop()).code).toBe(0);
  });

  test("had not arrived: nothing is sent before a search has been answered, and then the same key once", async () => {
    const first = await project.engine("first");
    const second = await project.engine("second");
    await project.fault({ operation: "Glue.StartJobRun", kind: "hang" });
    await project.fault({ operation: "Glue.GetJobRuns", kind: "error500", times: 1_000 });
    project.writeJob();
    await until("the launch", async () => (await project.calls("Glue.StartJobRun")) === 1);
    await first.stop("SIGKILL");
    await until("two searches", async () => (await project.calls("Glue.GetJobRuns")) >= 2);
    expect(await project.calls("Glue.StartJobRun")).toBe(1);
    await project.clearFaults();
    expect(await project.jobEnded()).toBe("success");
    await expectOneJob();
    expect(await project.calls("Glue.StartJobRun")).toBe(2);
    expect((await second.stop()).code).toBe(0);
  });
});
