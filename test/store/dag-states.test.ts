import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DagState } from "../../engine/core/records.ts";
import { loadWorld, takenDates } from "../../engine/store/load.ts";
import { AT, dagState, run, version } from "./batches.ts";
import { Writer, storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();
const DAY = 86_400_000;
let writer: Writer;

beforeAll(async () => {
  writer = await Writer.take(here.store);
});
afterAll(() => writer.close());

const stored = async (dagId: string): Promise<DagState | undefined> =>
  (await loadWorld(here.store)).dags.find((state) => state.dagId === dagId);

/** A DAG that was published and planned once. */
async function planned(dagId: string): Promise<DagState> {
  const first = dagState(dagId, { scheduledUntil: AT, nextDueAt: AT + DAY });
  await writer.write({
    versions: [version(dagId, 1, { extract: 1 })],
    dagsChanged: [{ from: dagState(dagId), to: first }],
  });
  return first;
}

describe("rule 26: how far a DAG is scheduled", () => {
  it("is written in the flush that publishes the DAG, and loads as it was, to the millisecond", async () => {
    const first = await planned("fresh");
    expect(await stored("fresh")).toEqual(first);
  });

  it("a DAG that is new begins as its file says, paused or not", async () => {
    const asleep = version("asleep", 1, { extract: 1 });
    const paused = { ...asleep, version: { ...asleep.version, spec: { ...asleep.version.spec, paused: true } } };
    await writer.write({ versions: [paused] });
    expect(await stored("asleep")).toEqual(dagState("asleep", { isPaused: true }));
  });

  it("a newer version leaves paused and scheduled_until alone, and the DAG is stale no more", async () => {
    const first = await planned("kept");
    const put = { ...first, isPaused: true, isStale: true };
    await writer.write({ dagsChanged: [{ from: first, to: put }] });
    const back = { ...put, isStale: false };
    const next = { ...back, scheduledUntil: AT + DAY };
    await writer.write({
      versions: [version("kept", 2, { extract: 1 })],
      dagsChanged: [{ from: back, to: next }],
    });
    expect(await stored("kept")).toEqual(next);
  });

  it("any field may become null again", async () => {
    const first = await planned("ends");
    const over = { ...first, scheduledUntil: null, nextDueAt: null };
    await writer.write({ dagsChanged: [{ from: first, to: over }] });
    expect(await stored("ends")).toEqual(over);
  });

  it.each<[string, Partial<DagState>]>([
    ["paused", { isPaused: true }],
    ["stale", { isStale: true }],
    ["scheduled further", { scheduledUntil: AT + 1 }],
    ["never scheduled", { scheduledUntil: null }],
  ])("a DAG that is remembered as %s and is not takes the whole flush back", async (what, wrong) => {
    const dagId = `not ${what}`;
    const first = await planned(dagId);
    const made = run(version(dagId, 1, {}), { versionId: (await currentVersion(dagId)) ?? "" });
    const outcome = await writer.flush({
      dagsChanged: [{ from: { ...first, ...wrong }, to: { ...first, scheduledUntil: AT + DAY } }],
      runsCreated: [made],
    });
    expect(outcome).toEqual({ kind: "conflict", message: "dags changed: 0 of 1 rows as expected" });
    expect(await stored(dagId)).toEqual(first);
    expect(await takenDates(here.store, [{ dagId, logicalAts: [made.logicalAt ?? 0] }])).toEqual([]);
  });

  it("a DAG that was never published is a conflict", async () => {
    const outcome = await writer.flush({ dagsChanged: [{ from: dagState("nobody"), to: dagState("nobody") }] });
    expect(outcome.kind).toBe("conflict");
  });
});

const currentVersion = async (dagId: string): Promise<string | undefined> =>
  (await loadWorld(here.store)).currentVersion[dagId];

describe("which dates are taken", () => {
  it("is told for all DAGs at once, with how their runs stand", async () => {
    const [east, west] = [version("east", 1, { extract: 1 }), version("west", 1, { extract: 1 })];
    const waiting = run(east, { logicalAt: AT });
    const ended = run(east, { logicalAt: AT + DAY, state: "failed", startedAt: AT, endedAt: AT + 5 });
    const other = run(west, { logicalAt: AT });
    await writer.write({ versions: [east, west], runsCreated: [waiting, ended, other] });
    const taken = await takenDates(here.store, [
      { dagId: "east", logicalAts: [AT, AT + DAY, AT + 2 * DAY] },
      { dagId: "west", logicalAts: [AT + DAY, AT] },
      { dagId: "north", logicalAts: [AT] },
    ]);
    expect(taken).toEqual([
      { dagId: "east", logicalAt: AT, runId: waiting.runId, state: "queued", endedAt: null },
      { dagId: "east", logicalAt: AT + DAY, runId: ended.runId, state: "failed", endedAt: AT + 5 },
      { dagId: "west", logicalAt: AT, runId: other.runId, state: "queued", endedAt: null },
    ]);
  });

  it("a date whose run is gone stays taken", async () => {
    const south = version("south", 1, { extract: 1 });
    const gone = run(south, { logicalAt: AT });
    await writer.write({ versions: [south], runsCreated: [gone] });
    await here.store.pool.query("DELETE FROM dag_run WHERE run_id = $1", [gone.runId]);
    expect(await takenDates(here.store, [{ dagId: "south", logicalAts: [AT] }])).toEqual([
      { dagId: "south", logicalAt: AT, runId: gone.runId, state: null, endedAt: null },
    ]);
  });

  it("nothing asked is nothing taken", async () => {
    expect(await takenDates(here.store, [])).toEqual([]);
    expect(await takenDates(here.store, [{ dagId: "east", logicalAts: [] }])).toEqual([]);
  });
});
