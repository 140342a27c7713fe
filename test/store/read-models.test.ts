import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backfillPage, backfillProgress, oneBackfill } from "../../engine/store/read-models/backfills.ts";
import { costs } from "../../engine/store/read-models/costs.ts";
import { listDags } from "../../engine/store/read-models/dags.ts";
import { runDetail } from "../../engine/store/read-models/run-detail.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { AT, FROZEN, attempt, backfill, entry, run, task, version } from "./batches.ts";
import { Writer, storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();
const dag = version("nightly", 1, { load: 2, extract: 1 });
const whole = backfill("nightly");
const id = (last: number): string => `01900000-0000-7000-8000-00000000000${last}`;
const ended = run(dag, {
  runId: id(1),
  backfillId: whole.backfillId,
  state: "success",
  startedAt: AT,
  endedAt: AT + 60_000,
});
const waiting = run(dag, { runId: id(2), backfillId: whole.backfillId });
const alone = run(dag, { runId: id(3), runType: "manual", logicalAt: null, dagRunId: "manual__1" });
const extract = task(ended, 1, { state: "success", tryNumber: 2, startedAt: AT, endedAt: AT + 1 });
const load = task(ended, 2, { state: "skipped", endedAt: AT + 2 });
const first = attempt(
  { ...extract, tryNumber: 1 },
  {
    state: "failed",
    endedAt: AT,
    failure: { class: "retryable", code: "JOB_FAILED", message: "out of memory" },
    logTail: ["boom"],
  },
);
const second = attempt(extract, { state: "succeeded", endedAt: AT + 1, ref: "jr_2" });
let writer: Writer;

beforeAll(async () => {
  writer = await Writer.take(here.store);
  await writer.write({
    versions: [dag],
    backfillsCreated: [whole],
    runsCreated: [ended, waiting, alone],
    tasksCreated: [load, extract],
    frozenParams: [FROZEN],
    attemptsCreated: [second, first],
  });
  await writer.write({ ledger: [entry(first), entry(second, { usageKind: "s3.request", amount: "0.000004" })] });
});
afterAll(() => writer.close());

describe("rule 34: the ledger", () => {
  it("has one accrued row for each attempt and usage kind, which only grows", async () => {
    await writer.write({ ledger: [entry(second, { quantity: "1.5", amount: "0.66" })] });
    await writer.write({ ledger: [entry(second, { quantity: "2", amount: "0.88" })] });
    await writer.write({ ledger: [entry(second, { quantity: "1", amount: "0.44" })] });
    const { byKind } = await costs(here.store, { dagId: "nightly" });
    expect(byKind).toContainEqual({
      usageKind: "glue.dpu_hour",
      unit: "DPU-hour",
      currency: "USD",
      quantity: "2.1",
      amount: "0.924",
    });
  });

  it("settled entries and corrections replace what was accrued, exactly", async () => {
    const exact = "12345678901234567890.123456789";
    await writer.write({
      ledger: [
        entry(second, { kind: "settled", quantity: "3", amount: exact }),
        entry(second, { kind: "correction", quantity: "-1", amount: "-0.000000001" }),
      ],
    });
    const cost = await costs(here.store, { backfillId: whole.backfillId });
    expect(cost).toMatchObject({ amount: "12345678901234567890.167460788", currency: "USD" });
    expect(await costs(here.store, { dagId: "other" })).toEqual({ amount: "0", currency: null, byKind: [] });
  });
});

describe("lists", () => {
  it("show runs newest first, with counts and cost, page by page", async () => {
    const all = await listRuns(here.store);
    expect(all.map((row) => row.runId)).toEqual([id(3), id(2), id(1)]);
    expect(all[2]).toMatchObject({
      dagRunId: ended.dagRunId,
      logicalAt: ended.logicalAt,
      endedAt: AT + 60_000,
      taskCounts: { success: 1, skipped: 1 },
    });
    expect(all[2]?.cost.currency).toBe("USD");
    expect(all[1]).toMatchObject({ taskCounts: {}, cost: { amount: "0", currency: null } });
    const page = await listRuns(here.store, { limit: 1, before: id(3) });
    expect(page.map((row) => row.runId)).toEqual([id(2)]);
  });

  it("filter runs by DAG, state and backfill", async () => {
    const ids = async (filter: Parameters<typeof listRuns>[1]) =>
      (await listRuns(here.store, filter)).map((row) => row.runId);
    expect(await ids({ backfillId: whole.backfillId })).toEqual([id(2), id(1)]);
    expect(await ids({ states: ["queued"], dagId: "nightly" })).toEqual([id(3), id(2)]);
    expect(await ids({ dagId: "other" })).toEqual([]);
  });

  it("show DAGs with their newest version, and backfills", async () => {
    await writer.write({ versions: [version("another", 1, { a: 1 }), version("another", 2, { a: 1 })] });
    const dags = await listDags(here.store);
    expect(dags.map((row) => [row.dagId, row.versionNumber])).toEqual([
      ["another", 2],
      ["nightly", 1],
    ]);
    expect(dags[1]?.spec).toEqual(dag.version.spec);
    const page = (dagId: string) =>
      backfillPage(here.store, { visible: ["*"], dagId, limit: 10, offset: 0, orderBy: [] });
    expect(await page("nightly")).toEqual({ rows: [{ ...whole, number: 1 }], total: 1 });
    expect(await page("another")).toEqual({ rows: [], total: 0 });
    expect(await oneBackfill(here.store, "1")).toEqual(await oneBackfill(here.store, whole.backfillId));
    for (const name of ["2", "0", "-1", "one", "1e3", "9".repeat(40)]) {
      expect(await oneBackfill(here.store, name)).toBeNull();
    }
  });
});

describe("one run", () => {
  it("is shown with every attempt, its failure, its last lines and its usage", async () => {
    const detail = await runDetail(here.store, "nightly", ended.dagRunId);
    expect(detail).toMatchObject({ run: ended, versionNumber: 1 });
    expect(detail?.tasks.map((row) => [row.taskId, row.state])).toEqual([
      ["extract", "success"],
      ["load", "skipped"],
    ]);
    const [one, two] = detail?.tasks[0]?.attempts ?? [];
    expect(one).toMatchObject({ ...first, usage: [{ usageKind: "glue.dpu_hour", kind: "accrued", amount: "0.044" }] });
    expect(two).toMatchObject(second);
    expect(await runDetail(here.store, "nightly", "no such run")).toBeNull();
    expect(await runDetail(here.store, "other", ended.dagRunId)).toBeNull();
  });
});

describe("a backfill's progress", () => {
  it("counts runs by state and each task by state", async () => {
    expect(await backfillProgress(here.store, whole.backfillId)).toMatchObject({
      backfill: whole,
      runCounts: { success: 1, queued: 1 },
      tasks: [
        { taskId: "extract", counts: { success: 1 } },
        { taskId: "load", counts: { skipped: 1 } },
      ],
      currency: "USD",
    });
    expect(await backfillProgress(here.store, id(9))).toBeNull();
  });
});
