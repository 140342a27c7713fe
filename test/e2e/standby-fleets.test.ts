import { afterEach, beforeEach, expect, test } from "vitest";
import { until } from "./project.ts";
import { expectOneAtATime, StandbyProject } from "./standby-project.ts";

let project: StandbyProject;

beforeEach(() => {
  project = new StandbyProject();
});
afterEach(() => project.close());

test("two fleets on one server run their nights side by side, and a takeover in one leaves the other's rows alone (rule 1)", async () => {
  const begin = async (name: string, fleet: string) => project.engine(name, "--fleet", fleet);
  const east = await begin("east", "east");
  const west = await begin("west", "west");
  await project.audit("east");
  await project.audit("west");
  const eastNext = await begin("east_next", "east");
  expect([west.ready.stands_by, eastNext.ready.stands_by]).toEqual([false, true]);
  await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", ms: 8_000, times: 2 });
  project.writeTick();
  project.writeJob();
  await until("both jobs", async () => {
    const runs = await project.remoteRuns();
    return runs.filter(({ service }) => service === "Glue").length === 2;
  });
  await project.wrote("east", "run_key", 2, "east");
  await east.stop("SIGKILL");
  await project.wrote("east_next", "run_key", 3, "east");
  for (const fleet of ["east", "west"]) expect(await project.jobEnded(fleet)).toBe("success");
  expectOneAtATime(await project.writers("east"), "east", "east_next");
  expectOneAtATime(await project.writers("west"), "west");
  for (const fleet of ["east", "west"]) expect(await project.ticks(fleet)).toMatchObject({ gaps: 0 });
  expect(await project.calls("Glue.StartJobRun")).toBe(2);
  const jobs = (await project.remoteRuns()).filter(({ service }) => service === "Glue");
  expect(jobs.map(({ state }) => state)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  // The same DAG, run and task: the installations' own numbers keep the keys apart (rule 13).
  expect(new Set(jobs.map(({ launchKey }) => launchKey)).size).toBe(2);
  for (const each of [west, eastNext]) expect((await each.stop()).code).toBe(0);
});
