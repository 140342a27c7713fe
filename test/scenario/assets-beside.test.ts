import { expect, test } from "vitest";
import { ManyRuns } from "./many-runs.ts";
import { dagSpec, tasksOf } from "./scenario.ts";

test("a run that somebody wants next week does not hold up those that changed assets make today", () => {
  const s = new ManyRuns([{ ...dagSpec(tasksOf("load", {})), onAssets: "orders" }]);
  s.run("nightly/9", { runType: "manual", runAfterAt: s.now + 7 * 86_400_000 });
  const { assets } = s.world.planner;
  assets.happened({ asset: "orders", at: s.now, source: null, by: "cli", extra: {} });
  assets.enter(() => "nightly/10", s.now);
  assets.happened({ asset: "orders", at: s.now, source: null, by: "cli", extra: {} });
  assets.enter(() => "nightly/11", s.now);
  expect(s.days("nightly")).toEqual({ 9: "queued" });
  s.turn();
  expect(s.days("nightly")).toEqual({ 9: "queued", 10: "running" });
});
