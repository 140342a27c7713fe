import { sql } from "kysely";
import type { DagSpec } from "../../core/dag.ts";
import { stopOf } from "../../core/machine/admission.ts";
import { compileDag } from "../../core/machine/compiled-dag.ts";
import { heldUpBy } from "../../core/machine/past.ts";
import { slotKeys } from "../../core/machine/slots.ts";
import type { Wait } from "../../core/machine/waiting-for.ts";
import type { DagRun, DagVersion } from "../../core/records.ts";
import { isoText } from "../../core/schedule/runs.ts";
import { isFinished, type TaskState } from "../../core/states.ts";
import type { Store } from "../open.ts";
import { loadPasts } from "../past.ts";
import { atWork } from "./pools.ts";

/** A task of a run as far as it says why it waits. */
interface WaitingTask {
  readonly taskNo: number;
  readonly mapIndex: number;
  readonly state: TaskState;
}

/** Why a run that is queued waits; null: it starts as soon as the engine looks. `now` in engine time. */
export async function runWait(store: Store, run: DagRun, spec: DagSpec, now: number): Promise<Wait | null> {
  if (await isPaused(store, run.dagId)) return { kind: "paused" };
  if (run.runAfterAt > now) return { kind: "due", at: isoText(run.runAfterAt) };
  const { rows } = await sql<{ dag_run_id: string; concurrency_key: string | null; is_beside: boolean }>`
    SELECT dag_run_id, concurrency_key, backfill_id IS NOT DISTINCT FROM ${run.backfillId}::uuid AS is_beside
    FROM dag_run WHERE state = 'running' AND dag_id = ${run.dagId}`.execute(store.db);
  const key = run.concurrencyKey ?? null;
  const holder = rows.find((row) => key !== null && row.concurrency_key === key);
  if (holder) return { kind: "key", dagRunId: holder.dag_run_id };
  const held = rows.filter((row) => row.is_beside).length;
  const limit = await runLimit(store, run, spec);
  return held < limit ? null : { kind: "runs", limit, held, isBackfill: run.backfillId !== null };
}

async function runLimit(store: Store, { backfillId }: DagRun, spec: DagSpec): Promise<number> {
  if (backfillId === null) return spec.maxActiveRuns;
  const backfill = store.db.selectFrom("backfill").select("max_active_runs").where("backfill_id", "=", backfillId);
  return (await backfill.executeTakeFirst())?.max_active_runs ?? spec.maxActiveRuns;
}

async function isPaused(store: Store, dagId: string): Promise<boolean> {
  const dag = store.db.selectFrom("dag").select("is_paused").where("dag_id", "=", dagId);
  return (await dag.executeTakeFirst())?.is_paused ?? false;
}

/** Why the tasks of a run under way wait, by task number and map index ("3/-1"); those that do not wait are left out. */
export async function taskWaits(
  store: Store,
  run: DagRun,
  version: DagVersion,
  tasks: readonly WaitingTask[],
  isSensor: (operator: string) => boolean,
): Promise<ReadonlyMap<string, Wait>> {
  const waits = new Map<string, Wait>();
  if (run.state !== "running") return waits;
  const dag = compileDag(version);
  const place = (taskNo: number): number => dag.positionOf.get(taskNo) ?? -1;
  const waiting = tasks.filter(
    ({ state, taskNo }) => (state === "none" || state === "scheduled") && place(taskNo) >= 0,
  );
  if (waiting.length === 0) return waits;
  const { slots, pools } = await atWork(store, isSensor);
  const isHeld = await isPaused(store, run.dagId);
  const states = new Map(tasks.flatMap((task) => (task.mapIndex < 0 ? [[task.taskNo, task.state] as const] : [])));
  const past = await pastOf(store, run, dag.past, version.spec);
  for (const { taskNo, mapIndex, state } of waiting) {
    const taskAt = place(taskNo);
    const spec = dag.tasks[taskAt];
    if (!spec || spec.teardownOf.length > 0) continue;
    const wait = ((): Wait | null => {
      if (state === "scheduled") {
        if (isHeld) return { kind: "paused" };
        const keys = slotKeys({ run, dag }, taskAt);
        return stopOf({ keys, spec, active: { dag }, isSensor: isSensor(spec.operator) }, { slots, pools });
      }
      const open = (dag.upstream[taskAt] ?? []).filter(
        (from) => !isFinished(states.get(dag.taskNos[from] ?? -1) ?? "none"),
      );
      if (open.length > 0) return { kind: "upstreams", taskIds: open.map((from) => dag.tasks[from]?.taskId ?? "") };
      const held = heldUpBy({ dag, past }, taskAt);
      if (held === null || held === "unknown") return null;
      const taskId = held.state === null ? null : (dag.tasks[place(held.taskNo)]?.taskId ?? "");
      return { kind: "past", dagRunId: held.dagRunId, taskId, state: held.state ?? held.runState };
    })();
    if (wait) waits.set(`${taskNo}/${mapIndex}`, wait);
  }
  return waits;
}

async function pastOf(store: Store, run: DagRun, past: ReadonlyMap<number, readonly number[]>, spec: DagSpec) {
  const { runId, dagId, logicalAt, backfillId } = run;
  if (past.size === 0 || logicalAt === null) return null;
  const scheduledOnly = Boolean(spec.schedule?.catchup);
  const taskNos = [...past.values()].flat();
  const wish = { runId, dagId, logicalAt, backfillId, scheduledOnly, taskNos };
  return (await loadPasts(store, [wish])).get(runId) ?? null;
}
