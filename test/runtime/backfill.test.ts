import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { DagSpec } from "../../engine/core/dag.ts";
import type { BackfillWish } from "../../engine/core/records.ts";
import type { CommandResult } from "../../engine/core/commands.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { backfillProgress } from "../../engine/store/read-models/backfills.ts";
import { runHistory } from "../../engine/store/read-models/run-history.ts";
import { dagSpec, taskSpec, tasksOf } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const ONE = dagSpec([taskSpec("extract")]);
async function ask(fromDate: string, toDate: string, changes: Partial<BackfillWish> = {}): Promise<BackfillWish> {
  const range = { fromDate, toDate, maxActiveRuns: 2, reprocess: "none", conf: {} } as const;
  const wish = { backfillId: randomUUID(), dagId: "nightly", ...range, ...changes };
  await enqueue(fleet.store, { kind: "backfill", backfill: wish, by: "test" });
  return wish;
}

/** The newest command's result. */
async function answer(): Promise<CommandResult | null> {
  const { rows } = await fleet.store.pool.query<{ id: string }>("SELECT max(id) AS id FROM command");
  await expect.poll(() => commandResult(fleet.store, rows[0]?.id ?? "")).not.toBeNull();
  return commandResult(fleet.store, rows[0]?.id ?? "");
}

const count = async (text: string): Promise<number> => {
  const { rows } = await fleet.store.pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${text}`);
  return rows[0]?.count ?? 0;
};

test("ten years of days are rows at once, tasks only of those that run", async () => {
  fleet.service.held.add("extract");
  await fleet.engine(ONE);
  await ask("2016-01-01", "2025-12-31");
  expect(await answer()).toMatchObject({ ok: true, value: { created: 3_653, left: 0 } });
  expect(await count("dag_run")).toBe(3_653);
  expect(await count("(SELECT DISTINCT logical_at FROM run_key) AS dates")).toBe(3_653);
  await expect.poll(() => count("dag_run WHERE state = 'running'")).toBe(2);
  expect(await count("task_instance")).toBe(2);
});

test("a writer whose connection dies while it writes a backfill leaves all of it or nothing, and makes each date once", async () => {
  fleet.service.held.add("extract");
  await fleet.store.pool.query(
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END';
     CREATE TRIGGER slow BEFORE INSERT ON run_key FOR EACH ROW EXECUTE FUNCTION slow()`,
  );
  await fleet.engine(ONE);
  await ask("2025-01-01", "2025-04-10");
  const writing = `pg_stat_activity WHERE state = 'active' AND query LIKE '-- flush_runs_created%' AND datname = current_database()`;
  await expect.poll(() => count(writing)).toBe(1);
  await fleet.store.pool.query("ALTER TABLE run_key DISABLE TRIGGER slow").catch(() => undefined);
  await fleet.store.pool.query(`SELECT pg_terminate_backend(pid) FROM ${writing}`);
  expect(await answer()).toMatchObject({ ok: true, value: { created: 100 } });
  expect(await count("dag_run")).toBe(100);
  expect(await count("run_key")).toBe(100);
  expect(await count("backfill")).toBe(1);
});

test("a backfill that is paused survives a restart, and ends after it is resumed", async () => {
  fleet.service.held.add("extract");
  const first = await fleet.engine(ONE);
  const { backfillId } = await ask("2026-03-01", "2026-03-06", { runsBackwards: true });
  await expect.poll(() => count("dag_run WHERE state = 'running'")).toBe(2);
  await enqueue(fleet.store, { kind: "pause_backfill", backfillId, isPaused: true, by: "test" });
  await answer();
  await first.stop();
  fleet.service.held.clear();
  await fleet.engine(ONE);
  await expect.poll(() => count("dag_run WHERE state = 'success'")).toBe(2);
  expect(await count("dag_run WHERE state = 'success' AND logical_at >= '2026-03-05'")).toBe(2);
  expect(await count("dag_run WHERE state = 'queued'")).toBe(4);
  await enqueue(fleet.store, { kind: "pause_backfill", backfillId, isPaused: false, by: "test" });
  await expect.poll(() => count("backfill WHERE state = 'completed'")).toBe(1);
  const progress = await backfillProgress(fleet.store, "1");
  expect(progress).toMatchObject({ runCounts: { success: 6 }, pace: { timedRuns: 6 } });
});

test("reprocessed nights wait for their turn without their rows, and keep their tries, also over a restart", async () => {
  const first = await fleet.engine(ONE);
  await ask("2026-03-01", "2026-03-04");
  await expect.poll(() => count("dag_run WHERE state = 'success'")).toBe(4);
  fleet.service.held.add("extract");
  await ask("2026-03-01", "2026-03-04", { reprocess: "completed", maxActiveRuns: 1 });
  expect(await answer()).toMatchObject({ ok: true, value: { created: 0, reprocessed: 4 } });
  await first.stop();
  fleet.service.held.clear();
  await fleet.engine(ONE);
  await expect.poll(() => count("dag_run WHERE state = 'success'")).toBe(4);
  expect(await count("task_instance WHERE try_number = 2")).toBe(4);
  expect(await count("attempt")).toBe(8);
});

test("only the chosen task of existing nights runs again", async () => {
  await fleet.engine(dagSpec(tasksOf("extract -> load", {})));
  await ask("2026-03-01", "2026-03-02");
  await expect.poll(() => count("dag_run WHERE state = 'success'")).toBe(2);
  await ask("2026-03-01", "2026-03-03", { reprocess: "completed", taskIds: ["load"] });
  await expect.poll(() => count("backfill WHERE state = 'completed'")).toBe(2);
  expect(fleet.service.jobsOf("extract")).toHaveLength(2);
  expect(fleet.service.jobsOf("load")).toHaveLength(5);
  expect(await count("task_instance WHERE state = 'removed'")).toBe(1);
  expect(await count("dag_run WHERE state = 'success'")).toBe(3);
});

test("a wish that comes to nothing is answered, and the writer goes on", async () => {
  const past: DagSpec = { ...ONE, tasks: [taskSpec("extract", { dependsOnPast: true })] };
  await fleet.engine(past);
  const refused = async (from: string, to: string, changes: Partial<BackfillWish> = {}) => {
    await ask(from, to, changes);
    const result = await answer();
    return result?.ok === false ? result.code : result;
  };
  expect(await refused("2026-03-02", "2026-03-01")).toBe("BACKFILL_INVALID");
  expect(await refused("nonsense", "2026-03-01", { reprocess: "failed" })).toBe("BACKFILL_INVALID");
  expect(await refused("2026-03-01", "2026-03-01")).toBe("BACKFILL_INVALID");
  expect(await refused("2026-03-01", "2026-03-01", { reprocess: "failed", runsBackwards: true })).toBe(
    "BACKFILL_INVALID",
  );
  expect(await refused("2026-03-01", "2026-03-01", { dagId: "nothing" })).toBe("DAG_NOT_FOUND");
  expect(await refused("2026-03-01", "2026-03-01", { reprocess: "failed" })).toMatchObject({ ok: true });
});

test("over the budget of a run a backfill is refused, unless it is told to begin all the same", async () => {
  const budget = { perRun: "5", currency: "USD", warnAt: 0.8, onExceeded: "stop" } as const;
  await fleet.engine({ ...ONE, budget });
  await ask("2026-03-01", "2026-03-01");
  await expect.poll(() => count("dag_run WHERE state = 'success'")).toBe(1);
  await fleet.store.pool.query(
    `INSERT INTO ledger (run_id, task_no, map_index, try_number, usage_kind, kind, quantity, unit, unit_price, amount,
       currency, price_source, at)
     SELECT run_id, task_no, map_index, try_number, 'usd', 'settled', 7, 'dollar', 1, 7, 'USD', 'test', now() FROM attempt`,
  );
  expect(await runHistory(fleet.store, "nightly")).toMatchObject({ runs: 1, medianCost: "7", currency: "USD" });
  expect(await runHistory(fleet.store, "nightly", ["extract"])).toMatchObject({ runs: 1, medianCost: "7" });
  expect(await runHistory(fleet.store, "another")).toEqual({ runs: 0, medianMs: 0, medianCost: null, currency: null });
  await ask("2026-03-02", "2026-03-02");
  expect(await answer()).toMatchObject({ ok: false, code: "BACKFILL_OVER_BUDGET" });
  expect(await count("dag_run")).toBe(1);
  await ask("2026-03-02", "2026-03-02", { allowsOverBudget: true });
  expect(await answer()).toMatchObject({ ok: true, value: { created: 1 } });
});
