import { expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";
import type { EngineClock } from "../../../engine/runtime/clock.ts";
import { Dispatch } from "../../../engine/runtime/dispatch.ts";
import { dagSpec, Scenario, taskSpec } from "../../scenario/scenario.ts";

const HOUR = 3_600_000;

test("rule 33: tasks that have ended leave no entry for their timeouts behind", () => {
  const tasks = Array.from({ length: 600 }, (_, index) => taskSpec(`t${index}`, { timeoutMs: HOUR }));
  const s = new Scenario({ ...dagSpec(tasks), maxActiveTasks: 1_000 });
  const active = [...s.world.runs.values()][0];
  if (!active) throw new Error("no run");
  type Given = ConstructorParameters<typeof Dispatch>;
  const deps = { settings: DEFAULT_SETTINGS, operators: new Map([["find", { launch: { kind: "find" } }]]) };
  const clock = { now: () => s.now } as unknown as EngineClock;
  const observer = { watch: () => undefined } as unknown as Given[4];
  const dispatch = new Dispatch(deps as unknown as Given[0], clock, s.world, {} as Given[3], observer, () => undefined);
  const everyTask = active.nodes.map((_, position) => ({ active, position }));
  for (const { taskId } of tasks) s.starts(taskId);
  dispatch.run(everyTask);
  expect(dispatch.nextDueAt).toBeLessThan(Infinity);
  for (const { taskId } of tasks) s.succeeds(taskId);
  dispatch.run(everyTask);
  expect(dispatch.nextDueAt).toBe(Infinity);
});
