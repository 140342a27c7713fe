import { afterAll, beforeAll, expect, it } from "vitest";
import type { Attempt, Booked } from "../../engine/core/records.ts";
import { loadRun, loadWorld } from "../../engine/store/load.ts";
import { AT, FROZEN, attempt, entry, run, task, version } from "./batches.ts";
import { Writer, storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();
const dag = version("nightly", 1, { extract: 1 });
const active = run(dag, { state: "running", startedAt: AT });
const extract = task(active, 1, { state: "running", tryNumber: 2, startedAt: AT });
const first = attempt(
  { ...extract, tryNumber: 1 },
  { state: "failed", endedAt: AT, failure: { class: "retryable", code: "JOB_FAILED", message: "out of memory" } },
);
const second = attempt(extract, { ref: "jr_2", intentAt: AT + 5 });
let writer: Writer;

beforeAll(async () => {
  writer = await Writer.take(here.store);
  await writer.write({
    versions: [dag],
    runsCreated: [active],
    tasksCreated: [extract],
    frozenParams: [FROZEN],
    attemptsCreated: [first, second],
  });
});
afterAll(() => writer.close());

const booked = (of: Attempt, amount: string, usageKind = "glue.dpu_hour", unit = "DPU-hour"): Booked => ({
  runId: of.runId,
  taskNo: of.taskNo,
  mapIndex: of.mapIndex,
  tryNumber: of.tryNumber,
  usageKind,
  unit,
  amount,
  intentAt: of.intentAt,
});

it("what a run has cost is loaded by attempt and kind, earlier tries too, what is settled before what was accrued", async () => {
  await writer.write({
    ledger: [
      entry(first, { amount: "0.044" }),
      entry(first, { kind: "settled", amount: "12345678901234567890.000000000001" }),
      entry(first, { kind: "correction", amount: "-0.000000000001", quantity: "-1" }),
      entry(second, { amount: "0.1" }),
      entry(second, { usageKind: "s3.request", unit: "request", amount: "0.000004" }),
    ],
  });
  const expected = [
    booked(first, "12345678901234567890.000000000000"),
    booked(second, "0.1"),
    booked(second, "0.000004", "s3.request", "request"),
  ];
  const world = await loadWorld(here.store);
  expect(world.booked).toHaveLength(3);
  expect(world.booked).toEqual(expect.arrayContaining(expected));
  expect((await loadRun(here.store, active.runId))?.booked).toEqual(expect.arrayContaining(expected));
});

it("a run that has ended and owes nothing costs the start nothing, and is still told by itself", async () => {
  const ended = run(dag, { state: "success", startedAt: AT, endedAt: AT + 1 });
  const done = task(ended, 1, { state: "success", tryNumber: 1, startedAt: AT, endedAt: AT + 1 });
  const paid = attempt(done, { state: "succeeded", ref: "jr_3", endedAt: AT + 1 });
  await writer.write({
    runsCreated: [ended],
    tasksCreated: [done],
    frozenParams: [FROZEN],
    attemptsCreated: [paid],
    ledger: [entry(paid)],
  });
  expect((await loadWorld(here.store)).booked.filter(({ runId }) => runId === ended.runId)).toEqual([]);
  expect((await loadRun(here.store, ended.runId))?.booked).toEqual([booked(paid, "0.044")]);
});

it("how far a run's spending was told is kept with the run, new or changed", async () => {
  const warned = run(dag, { budgetLevel: "warned" });
  await writer.write({ runsCreated: [warned] });
  expect((await loadRun(here.store, warned.runId))?.run).toEqual(warned);
  const exceeded = { ...warned, budgetLevel: "exceeded" } as const;
  await writer.write({ runsChanged: [{ from: warned, to: exceeded }] });
  expect((await loadWorld(here.store)).runs).toContainEqual(exceeded);
});
