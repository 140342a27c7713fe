import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import type { CommandBody, CommandResult } from "../../engine/core/commands.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { loadWorld } from "../../engine/store/load.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, loaded, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const NIGHTLY: DagSpec = dagSpec([taskSpec("load")]);
const called = (dagId: string, changes: Partial<DagSpec> = {}): DagSpec => ({ ...NIGHTLY, dagId, ...changes });

/** Publishes and plans these DAGs with an engine that then stops: the next one finds them in the database alone. */
async function published(specs: readonly DagSpec[], plans = false): Promise<void> {
  const engine = await fleet.engine(NIGHTLY, (deps) => ({ ...deps, plans, dags: specs.map(loaded) }));
  await engine.ready;
  if (plans) await expect.poll(unplanned).toBe(0);
  await engine.stop();
}
const unplanned = async (): Promise<number> =>
  (await loadWorld(fleet.store)).dags.filter(({ scheduledUntil, nextDueAt }) => (scheduledUntil ?? nextDueAt) === null)
    .length;
const successor = (plans = false) => fleet.engine(NIGHTLY, (deps) => ({ ...deps, plans, dags: [] }));

async function say(body: CommandBody): Promise<CommandResult> {
  const id = await enqueue(fleet.store, body);
  await expect.poll(() => commandResult(fleet.store, id)).not.toBeNull();
  return (await commandResult(fleet.store, id)) as CommandResult;
}
const backfill = (dagId: string) => {
  const dates = { fromDate: "2026-03-01", toDate: "2026-03-01" };
  const wish = { backfillId: randomUUID(), dagId, ...dates, maxActiveRuns: 1, reprocess: "none", conf: {} } as const;
  return say({ kind: "backfill", backfill: wish, by: "test" });
};
const states = async (): Promise<string[]> => (await listRuns(fleet.store)).map(({ state }) => state);

test("a start reads the DAGs that have work to do or to do with assets, and no others", async () => {
  const consumer = called("consumer", { onAssets: "sales" });
  const producer = called("producer", { tasks: [taskSpec("load", { produces: ["sales"] })] });
  await published([NIGHTLY, called("busy"), consumer, producer]);
  await waiting("busy");
  const world = await loadWorld(fleet.store);
  expect(world.versions.map(({ dagId }) => dagId).sort()).toEqual(["busy", "consumer", "producer"]);
  expect(Object.keys(world.currentVersion).sort()).toEqual(["busy", "consumer", "nightly", "producer"]);
});

/** A run that waits for a writer. */
async function waiting(dagId: string): Promise<void> {
  await fleet.store.pool.query(
    `INSERT INTO dag_run (run_id, dag_id, dag_run_id, run_type, run_after_at, version_id, conf, state, queued_at, triggered_by)
     SELECT gen_random_uuid(), dag_id, 'waits', 'manual', clock_timestamp(), version_id, '{}', 'queued', clock_timestamp(), 'test'
     FROM dag_version WHERE dag_id = $1`,
    [dagId],
  );
}

test("a DAG that nobody has read since the start is run when it comes due", async () => {
  const schedule = { ...SCHEDULE_DEFAULTS, everyMs: 1_000, mode: "trigger", timezone: "UTC" } as const;
  await published([called("nightly", { schedule, startAt: Date.parse("2026-01-01T00:00Z") })], true);
  const before = (await states()).length;
  await successor(true);
  await expect.poll(async () => (await states()).length).toBeGreaterThan(before);
  expect(fleet.errors).toEqual([]);
});

test("a DAG that nobody has read since the start can be backfilled, and what it ran be cleared", async () => {
  await published([NIGHTLY]);
  const first = await successor();
  expect(await backfill("nightly")).toMatchObject({ ok: true, value: { created: 1 } });
  await first.settled();
  await first.stop();
  const second = await successor();
  const [run] = await listRuns(fleet.store);
  const clear = { kind: "clear_tasks", runId: run?.runId ?? "", wish: { tasks: null }, onLatest: true } as const;
  expect(await say({ ...clear, by: "test", from: "desk" })).toMatchObject({ ok: true });
  expect(await backfill("nobody")).toMatchObject({ ok: false, code: "DAG_NOT_FOUND" });
  await second.settled();
  expect(await states()).toEqual(["success"]);
});

test("a file that changed while nobody wrote becomes the next version, with the numbers that its tasks have always had", async () => {
  await published([called("nightly", { tasks: [taskSpec("extract"), taskSpec("load")] })]);
  await published([called("nightly", { tasks: [taskSpec("publish"), taskSpec("load")] })]);
  const { rows } = await fleet.store.pool.query("SELECT task_id, task_no FROM dag_task ORDER BY task_no");
  expect(rows).toEqual([
    { task_id: "extract", task_no: 1 },
    { task_id: "load", task_no: 2 },
    { task_id: "publish", task_no: 3 },
  ]);
  const versions = await fleet.store.pool.query("SELECT version_number FROM dag_version ORDER BY version_number");
  expect(versions.rows).toEqual([{ version_number: 1 }, { version_number: 2 }]);
});
