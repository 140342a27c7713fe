import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Deadline, DeadlineState } from "../../engine/core/records.ts";
import { loadWorld } from "../../engine/store/load.ts";
import { listDeadlines } from "../../engine/store/read-models/deadlines.ts";
import { AT, deadline, mail, run, version } from "./batches.ts";
import { Writer, storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();
const nightly = version("nightly", 1, { extract: 1 });
const other = version("other", 1, { extract: 1 });
const made = run(nightly, { state: "failed", startedAt: AT, endedAt: AT + 9 });
const HOUR = 3_600_000;
let writer: Writer;

beforeAll(async () => {
  writer = await Writer.take(here.store);
  await writer.write({ versions: [nightly, other], runsCreated: [made] });
});
afterAll(() => writer.close());

let tick = 0;
/** A pending deadline of a due time that no test has used. */
async function pending(changes: Partial<Deadline> = {}): Promise<Deadline> {
  tick += 1;
  const row = deadline("nightly", { dueAt: AT + tick * HOUR, deadlineAt: AT + (tick + 1) * HOUR, ...changes });
  await writer.write({ deadlinesCreated: [row] });
  return row;
}
const decided = (row: Deadline, state: DeadlineState): Deadline => ({ ...row, state, decidedAt: row.deadlineAt + 1 });
const loaded = async (): Promise<readonly Deadline[]> => (await loadWorld(here.store)).deadlines;
const all = (dagId: string) =>
  listDeadlines(here.store, { dagId, states: ["pending", "met", "missed", "dropped"], limit: 1_000 });

describe("a deadline", () => {
  it("loads as it was written, with its run or before there is one", async () => {
    const without = await pending();
    const withRun = await pending({ runId: made.runId, rule: "finish_by 06:00+1d ü" });
    expect(await loaded()).toEqual(expect.arrayContaining([without, withRun]));
  });

  it("gets its run and another time while it is pending", async () => {
    const row = await pending();
    const moved = { ...row, runId: made.runId, deadlineAt: row.deadlineAt + 123 };
    await writer.write({ deadlinesChanged: [{ from: row, to: moved }] });
    expect(await loaded()).toContainEqual(moved);
  });

  it.each(["met", "missed", "dropped"] as const)("that is %s is loaded no more, and decided once", async (state) => {
    const row = await pending();
    const final = decided(row, state);
    await writer.write({ deadlinesChanged: [{ from: row, to: final }] });
    expect(await loaded()).not.toContainEqual(expect.objectContaining({ dueAt: row.dueAt }));
    const again = await writer.flush({ deadlinesChanged: [{ from: row, to: decided(row, "missed") }] });
    expect(again).toEqual({ kind: "conflict", message: "deadlines changed: 0 of 1 rows as expected" });
    expect(await all("nightly")).toContainEqual(expect.objectContaining(final));
  });

  it.each(["pending", "met", "missed"] as const)("that is %s cannot be made a second time", async (state) => {
    const row = await pending();
    if (state !== "pending") await writer.write({ deadlinesChanged: [{ from: row, to: decided(row, state) }] });
    const fresh = deadline("other", { dueAt: row.dueAt });
    const outcome = await writer.flush({ deadlinesCreated: [fresh, { ...row, deadlineAt: AT }] });
    expect(outcome).toEqual({ kind: "conflict", message: "deadlines created: 1 of 2 rows as expected" });
    expect(await all("other")).toEqual([]);
    expect(await all("nightly")).toContainEqual(expect.objectContaining({ dueAt: row.dueAt, state }));
  });

  it("that was dropped is made anew when its rule comes back", async () => {
    const row = await pending();
    await writer.write({ deadlinesChanged: [{ from: row, to: decided(row, "dropped") }] });
    const anew = { ...row, deadlineAt: row.deadlineAt + HOUR };
    await writer.write({ deadlinesCreated: [anew] });
    expect(await loaded()).toContainEqual(anew);
  });

  it("without a time of its decision is refused as decided", async () => {
    const row = await pending();
    const outcome = await writer.flush({ deadlinesChanged: [{ from: row, to: { ...row, state: "missed" } }] });
    expect(outcome).toMatchObject({ kind: "bad_data", sqlstate: "23514" });
  });
});

describe("exactly one miss", () => {
  it("its mail is written with it, or neither is", async () => {
    const row = await pending();
    const miss = { from: row, to: decided(row, "missed") };
    const [told, untold] = [mail(`miss/${row.dueAt}@nocturne`), mail(`again/${row.dueAt}@nocturne`)];
    expect((await writer.flush({ deadlinesChanged: [miss], mails: [told] })).kind).toBe("committed");
    expect((await writer.flush({ deadlinesChanged: [miss], mails: [untold] })).kind).toBe("conflict");
    const { rows } = await here.store.pool.query("SELECT message_id FROM outbox WHERE message_id LIKE $1", [
      `%${row.dueAt}@nocturne`,
    ]);
    expect(rows).toEqual([{ message_id: told.messageId }]);
  });
});

describe("deadlines for people", () => {
  it("are the missed ones, the latest first, with the run that was late or none", async () => {
    const late = deadline("other", { rule: "a", runId: made.runId, deadlineAt: AT + 2 });
    const absent = deadline("other", { rule: "b", deadlineAt: AT + 3 });
    const inTime = deadline("other", { rule: "c", deadlineAt: AT + 4 });
    await writer.write({
      deadlinesCreated: [decided(late, "missed"), decided(absent, "missed"), decided(inTime, "met")],
    });
    const missed = await listDeadlines(here.store, { dagId: "other" });
    expect(missed).toEqual([
      { ...decided(absent, "missed"), dagRunId: null, runState: null, runEndedAt: null },
      { ...decided(late, "missed"), dagRunId: made.dagRunId, runState: "failed", runEndedAt: AT + 9 },
    ]);
    const rules = async (filter: Parameters<typeof listDeadlines>[1]) =>
      (await listDeadlines(here.store, { dagId: "other", ...filter })).map(({ rule }) => rule);
    expect(await rules({ states: ["met", "missed"] })).toEqual(["c", "b", "a"]);
    expect(await rules({ limit: 1 })).toEqual(["b"]);
    const dags = new Set((await listDeadlines(here.store)).map(({ dagId }) => dagId));
    expect(dags).toEqual(new Set(["nightly", "other"]));
  });
});
