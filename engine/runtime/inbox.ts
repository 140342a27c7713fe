import { decideBackfillDate, type BackfillDecision } from "../core/backfill.ts";
import type { JsonObject } from "../core/json.ts";
import { compileDag } from "../core/machine/compiled-dag.ts";
import type { DecisionContext } from "../core/machine/events.ts";
import type { RunRows, World } from "../core/machine/world.ts";
import type { Backfill, Command, CommandResult, DagRun } from "../core/records.ts";
import { dagRunIdFor, runsForRange } from "../core/schedule/runs.ts";
import { isRunFinished } from "../core/states.ts";
import { existingRuns, isKnownBackfill, loadRun, versionById } from "../store/load.ts";
import type { Store } from "../store/open.ts";
import { newRunId } from "./ids.ts";

/** Carries out one command on the world; what it changed is flushed together with its result (protocol rule 30). */
export async function applyCommand(
  store: Store,
  world: World,
  { body }: Command,
  context: DecisionContext,
): Promise<CommandResult> {
  switch (body.kind) {
    case "backfill":
      return backfill(store, world, body.backfill, body.by, context);
    case "cancel_run":
      return cancelRun(store, world, body.runId, body.by, context);
    case "release_run":
      return releaseRun(store, world, body.runId, context);
    case "adopt_run":
      return adoptRun(store, world, body.runId);
    case "pause_dag":
      return pauseDag(world, body.dagId, body.isPaused, context);
  }
}

const done = (value: JsonObject): CommandResult => ({ ok: true, value });
const notFound = (runId: string): CommandResult => ({
  ok: false,
  code: "RUN_NOT_FOUND",
  message: `there is no run ${runId}`,
});

async function backfill(
  store: Store,
  world: World,
  wish: Omit<Backfill, "state" | "createdAt" | "completedAt">,
  by: string,
  context: DecisionContext,
): Promise<CommandResult> {
  const dag = world.currentDag(wish.dagId);
  if (!dag || world.planner.state(wish.dagId)?.isStale)
    return { ok: false, code: "DAG_NOT_FOUND", message: `there is no DAG ${wish.dagId}` };
  if (await isKnownBackfill(store, wish.backfillId)) return done({ backfill_id: wish.backfillId, is_known: true });
  // An interval that is not over has no data yet: its night comes with the schedule.
  const planned = runsForRange(dag.version.spec, wish.fromDate, wish.toDate).filter(
    (run) => run.runAfterAt <= context.now,
  );
  const stored = await existingRuns(
    store,
    wish.dagId,
    planned.map((run) => run.logicalAt),
  );
  const existing = new Map(stored.map((run) => [run.logicalAt, run]));
  const decisions = planned.map((times) => ({
    times,
    decision: decideBackfillDate(existing.get(times.logicalAt), wish.reprocess),
  }));
  // Everything is read before anything is decided: a read that fails leaves nothing half-made.
  const again = new Map<string, RunRows>();
  for (const { decision } of decisions) {
    const rows = decision.kind === "reprocess" ? await loadRun(store, decision.run.runId) : null;
    if (rows) again.set(rows.run.runId, rows);
  }
  world.enterBackfill({ ...wish, state: "active", createdAt: context.now, completedAt: null });
  const { versionId } = dag.version;
  const { backfillId, conf, dagId } = wish;
  const reset = {
    queuedAt: context.now,
    startedAt: null,
    endedAt: null,
    ending: null,
    budgetLevel: "ok",
    triggeredBy: by,
  } as const;
  const started = { versionId, backfillId, conf, state: "queued", runType: "backfill", ...reset } as const;
  for (const { times, decision } of decisions) {
    if (decision.kind === "create") {
      const runId = newRunId(context.now);
      const dagRunId = dagRunIdFor("backfill", times.logicalAt);
      const run: DagRun = { runId, dagId, dagRunId, quarantine: null, ...times, ...started };
      world.enterRun(null, { run, tasks: [], attempts: [], outputs: [], booked: [] });
    }
    const rows = decision.kind === "reprocess" ? again.get(decision.run.runId) : undefined;
    if (rows) world.enterRun(rows.run, { ...rows, run: { ...rows.run, ...started } });
  }
  world.completeBackfill(wish.backfillId, context.now);
  const count = (kind: BackfillDecision["kind"]): number =>
    decisions.filter(({ decision }) => decision.kind === kind).length;
  return done({
    backfill_id: wish.backfillId,
    created: count("create"),
    reprocessed: count("reprocess"),
    left: count("leave"),
  });
}

async function cancelRun(
  store: Store,
  world: World,
  runId: string,
  by: string,
  context: DecisionContext,
): Promise<CommandResult> {
  if (!world.runs.has(runId)) {
    const rows = await loadRun(store, runId);
    if (!rows) return notFound(runId);
    if (rows.run.quarantine !== null && !isRunFinished(rows.run.state)) {
      const message = `${rows.run.dagRunId} has been put aside (${rows.run.quarantine}); release it, then cancel it`;
      return { ok: false, code: "RUN_QUARANTINED", message };
    }
    return done({ run_id: runId, state: rows.run.state, ended_already: isRunFinished(rows.run.state) });
  }
  world.decideRun(runId, { kind: "end", cause: "cancel", by }, context);
  return done({ run_id: runId, ended_already: false });
}

/** A quarantined run comes back: what it was doing is in doubt, as after a takeover. */
async function releaseRun(store: Store, world: World, runId: string, context: DecisionContext): Promise<CommandResult> {
  const rows = await loadRun(store, runId);
  if (!rows) return notFound(runId);
  if (rows.run.quarantine === null) return done({ run_id: runId, released: false });
  world.enterRun(rows.run, { ...rows, run: { ...rows.run, quarantine: null } });
  world.decideRun(runId, { kind: "taken_over" }, context);
  return done({ run_id: runId, released: true });
}

function pauseDag(world: World, dagId: string, isPaused: boolean, { now }: DecisionContext): CommandResult {
  if (!world.planner.state(dagId)) return { ok: false, code: "DAG_NOT_FOUND", message: `there is no DAG ${dagId}` };
  const changed = world.planner.change(dagId, { isPaused }, now);
  return done({ dag_id: dagId, is_paused: isPaused, changed });
}

/** A run whose rows somebody else inserted (protocol rule 31) enters memory. */
async function adoptRun(store: Store, world: World, runId: string): Promise<CommandResult> {
  if (world.runs.has(runId)) return done({ run_id: runId });
  const rows = await loadRun(store, runId);
  if (!rows) return notFound(runId);
  // A term that began after the run was made has had it already.
  const { quarantine, state, versionId } = rows.run;
  if (quarantine !== null || isRunFinished(state)) return done({ run_id: runId });
  if (!world.dags.has(versionId)) {
    // A newer one was published between the request's look and its insert, and this process has only read that.
    const version = await versionById(store, versionId);
    if (version) world.dags.set(versionId, compileDag(version));
  }
  world.addRun(rows);
  return done({ run_id: runId });
}
