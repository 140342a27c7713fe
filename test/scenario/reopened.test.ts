import { expect, test } from "vitest";
import type { RunEvent } from "../../engine/core/machine/events.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { ManyRuns } from "./many-runs.ts";
import { dagSpec, tasksOf } from "./scenario.ts";

const by = "ana";
const clear = (places: readonly number[]): RunEvent => ({ kind: "clear", places, by });
const adopt = ([place = -1]: readonly number[]): RunEvent => ({ kind: "adopt", place, ref: "job-7", by });
const success = (places: readonly number[]): RunEvent => ({ kind: "mark", places, state: "success", by });

test("nothing of a run that was opened again begins before its turn, whatever people mark meanwhile", () => {
  const s = new ManyRuns([dagSpec(tasksOf("extract -> load", {}))]).runs("nightly", 1, 2);
  s.succeeds("nightly/1 extract").fails("nightly/1 load");
  s.person("nightly/1", ["extract", "load"], clear).person("nightly/1", ["extract"], success);
  expect(s.states("nightly/1")).toEqual({ extract: "success", load: "none", run: "queued" });
  s.succeeds("nightly/2 extract", "nightly/2 load");
  expect(s.states("nightly/1")).toEqual({ extract: "success", load: "queued", run: "running" });
});

test("a job that is adopted while its run waits for its turn is ended with the run", () => {
  const s = new ManyRuns([dagSpec(tasksOf("extract; load", {}))]).runs("nightly", 1, 2);
  s.succeeds("nightly/1 extract").fails("nightly/1 load");
  s.person("nightly/1", ["load"], clear).person("nightly/1", ["load"], adopt);
  expect(s.states("nightly/1")).toEqual({ extract: "success", load: "running", run: "running" });
  s.cancels("nightly/1");
  expect(s.atWork()).toContain("nightly/1 load");
  expect(s.states("nightly/1")).toMatchObject({ load: "running", run: "running" });
});

test("a mapped task whose run was ended while it grew makes its other instances at the run's next turn", () => {
  const items = Array.from({ length: DEFAULT_SETTINGS.maxNewRowsPerFlush + 1 }, (_, index) => index);
  const forEach = { items, maxParallel: 1, label: null };
  let isEnded = false;
  const s = new ManyRuns([dagSpec(tasksOf("load", { load: { forEach } }))], () => {
    const grows = s.world.runs.get("nightly/1")?.mapped.get(0)?.made === DEFAULT_SETTINGS.maxNewRowsPerFlush;
    if (!grows || isEnded) return;
    isEnded = true;
    s.cancels("nightly/1");
  });
  s.runs("nightly", 1, 2);
  for (const task of s.atWork().filter((each) => each.startsWith("nightly/1"))) s.fails(task);
  expect(s.states("nightly/1")["run"]).toBe("failed");
  s.person("nightly/1", ["load[0]"], clear);
  expect(s.states("nightly/1")).toMatchObject({ "load[0]": "none", run: "queued" });
  expect(s.atWork().filter((each) => each.startsWith("nightly/1"))).toEqual([]);
  s.cancels("nightly/2");
  for (const task of s.atWork().filter((each) => each.startsWith("nightly/2"))) s.fails(task);
  expect(s.states("nightly/1")).toMatchObject({ "load[0]": "queued", "load[200]": "scheduled", run: "running" });
});
