import { expect, test } from "vitest";
import type { ConcurrencyKey, DagSpec } from "../../engine/core/dag.ts";
import { bareRun } from "../../engine/core/machine/run-rows.ts";
import { ManyRuns } from "./many-runs.ts";
import { dagSpec, tasksOf } from "./scenario.ts";

/** The key of a run is what its conf says under "region". */
const keyed = (onConflict: ConcurrencyKey["onConflict"], dag: Partial<DagSpec> = {}): DagSpec => ({
  ...dagSpec(tasksOf("load", {})),
  maxActiveRuns: 10,
  concurrencyKey: { key: "region", onConflict },
  ...dag,
});
const EU = { conf: { region: "eu" } };
const US = { conf: { region: "us" } };

test("queue: a run waits until none of its key runs; one behind it with another key goes past", () => {
  const s = new ManyRuns([keyed("queue")]).run("nightly/1", EU).run("nightly/2", EU).run("nightly/3", US);
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "queued", 3: "running" });
  s.succeeds("nightly/1 load");
  expect(s.days("nightly")).toEqual({ 1: "success", 2: "running", 3: "running" });
});

test("queue: within a key the older run is always the next", () => {
  const s = new ManyRuns([keyed("queue")]).run("nightly/9", EU).run("nightly/5", EU).run("nightly/4", EU);
  s.succeeds("nightly/9 load");
  expect(s.days("nightly")).toEqual({ 4: "running", 5: "queued", 9: "success" });
});

test("runs that wait for their key take no place of max_active_runs", () => {
  const s = new ManyRuns([keyed("queue", { maxActiveRuns: 2 })]);
  s.run("nightly/1", EU).run("nightly/2", EU).run("nightly/3", US).run("nightly/4", US);
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "queued", 3: "running", 4: "queued" });
});

test("a key means something within its DAG alone", () => {
  const s = new ManyRuns([keyed("queue"), { ...keyed("queue"), dagId: "other" }]);
  s.run("nightly/1", EU).run("other/1", EU);
  expect([s.days("nightly"), s.days("other")]).toEqual([{ 1: "running" }, { 1: "running" }]);
});

test("the key is kept with the run, so that a process that takes over holds to it", () => {
  const s = new ManyRuns([keyed("queue")]).run("nightly/1", EU).run("nightly/2", EU).takeover();
  expect(s.rows.runs.get("nightly/2")?.concurrencyKey).toBe("eu");
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "queued" });
  s.succeeds("nightly/1 load");
  expect(s.days("nightly")).toEqual({ 1: "success", 2: "running" });
});

test("cancel_running: the run of the key is ended, and the new one starts once that is final", () => {
  const s = new ManyRuns([keyed("cancel_running", { maxActiveRuns: 1 })]).run("nightly/1", EU);
  s.run("nightly/2", EU);
  expect(s.rows.runs.get("nightly/1")?.ending).toMatchObject({ cause: "cancel", by: "engine" });
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "queued" });
  s.fails("nightly/1 load");
  expect(s.days("nightly")).toEqual({ 1: "failed", 2: "running" });
});

test("cancel_running: of several that wait only the newest begins", () => {
  const s = new ManyRuns([keyed("cancel_running")]).run("nightly/1", EU).run("nightly/2", EU).run("nightly/3", EU);
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "failed", 3: "queued" });
  s.fails("nightly/1 load");
  expect(s.days("nightly")).toEqual({ 1: "failed", 2: "failed", 3: "running" });
});

test("cancel_running: a run that is not due yet, or whose DAG is paused, ends nobody", () => {
  const s = new ManyRuns([keyed("cancel_running")]).run("nightly/1", EU).pauses("nightly");
  s.run("nightly/2", EU).pauses("nightly", false);
  expect(s.rows.runs.get("nightly/1")?.ending).toMatchObject({ by: "engine" });
  const later = new ManyRuns([keyed("cancel_running")]).run("nightly/1", EU);
  later.run("nightly/2", { ...EU, runAfterAt: later.now + 60_000 });
  expect(later.rows.runs.get("nightly/1")?.ending).toBeNull();
  later.later(60_000);
  expect(later.rows.runs.get("nightly/1")?.ending).toMatchObject({ by: "engine" });
});

test("skip: a run whose key is taken is left out: it has not succeeded, and nobody is woken", () => {
  const notify = [{ email: ["ops@example.com"], on: ["run_failed" as const] }];
  const s = new ManyRuns([keyed("skip", { notify, maxConsecutiveFailedRuns: 1 })]).run("nightly/1", EU);
  s.run("nightly/2", EU);
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "failed" });
  expect(s.rows.runs.get("nightly/2")?.ending).toMatchObject({
    cause: "skip",
    why: "nightly/1 ran with the same concurrency key",
  });
  expect(s.rows.mails).toEqual([]);
  expect(s.rows.dags.get("nightly")).toMatchObject({ isPaused: false, failedRuns: 0 });
  s.succeeds("nightly/1 load").run("nightly/3", EU);
  expect(s.days("nightly")).toMatchObject({ 3: "running" });
});

test("a run that was left out is nobody's past: the task waits for the run before it", () => {
  const tasks = tasksOf("load", { load: { dependsOnPast: true } });
  const s = new ManyRuns([keyed("skip", { tasks })]).run("nightly/1", EU).run("nightly/2", EU).run("nightly/3", US);
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "failed", 3: "running" });
  expect(s.states("nightly/3")).toMatchObject({ load: "none" });
  s.succeeds("nightly/1 load");
  expect(s.states("nightly/3")).toMatchObject({ load: "queued" });
});

// Were each held against every other, it would be stopped by the test's own limit.
test("ten thousand runs that wait, each with a key of its own, cost a look each", { timeout: 20_000 }, () => {
  const s = new ManyRuns([keyed("cancel_running", { maxActiveRuns: 1 })]).run("nightly/1", { conf: { region: "k1" } });
  const [first] = [...s.rows.runs.values()];
  if (!first) throw new Error("no run");
  const waiting = { ...first, state: "queued", startedAt: null, concurrencyKey: null } as const;
  for (let day = 2; day <= 10_000; day++) {
    s.world.enterRun(null, bareRun({ ...waiting, runId: `nightly/${day}`, conf: { region: `k${day}` } }));
  }
  s.turn();
  expect(Object.values(s.days("nightly")).filter((state) => state === "queued")).toHaveLength(9_999);
});

test("a run that another of its key waits for, by depends_on_past, has its turn before that goes on", () => {
  const tasks = tasksOf("check; load", { load: { dependsOnPast: true } });
  const s = new ManyRuns([keyed("queue", { tasks })]).run("nightly/1", EU);
  s.fails("nightly/1 load").succeeds("nightly/1 check").run("nightly/2", EU);
  s.person("nightly/1", ["load"], (places) => ({ kind: "clear", places, by: "ana" }));
  expect(s.days("nightly")).toEqual({ 1: "queued", 2: "running" });
  s.succeeds("nightly/2 check");
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "running" });
  expect(s.states("nightly/2")).toMatchObject({ load: "none" });
  s.succeeds("nightly/1 load", "nightly/2 load");
  expect(s.days("nightly")).toEqual({ 1: "success", 2: "success" });
});
