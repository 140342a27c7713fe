import type { JsonObject } from "../core/json.ts";
import { compileDag } from "../core/machine/compiled-dag.ts";
import type { DecisionContext } from "../core/machine/events.ts";
import type { World } from "../core/machine/world.ts";
import type { Command, CommandResult } from "../core/commands.ts";
import type { DagRun } from "../core/records.ts";
import { isRunFinished } from "../core/states.ts";
import { bareRun, type RunRows } from "../core/machine/run-rows.ts";
import { loadRun, runsById, versionById } from "../store/load.ts";
import type { Store } from "../store/open.ts";
import { isDatabaseAway } from "../store/read-models/health.ts";
import { knowDags } from "./know-dags.ts";
import { decideApproval } from "./commands/approvals.ts";
import { emitAsset } from "./commands/assets.ts";
import { cancelBackfill, createBackfill, pauseBackfill } from "./commands/backfill.ts";
import { setVariable } from "./commands/variables.ts";
import { abandonTasks, clearTasks, markRun, markTasks, retryTasks, writeNote } from "./commands/people.ts";

/** Whether this adopts a run that is in memory or was read already: no row that memory may have changed is asked for. */
export const isAdoptionAtHand = ({ body }: Command, world: World, fresh: ReadonlyMap<string, RunRows>): boolean =>
  body.kind === "adopt_run" && (world.runs.has(body.runId) || fresh.has(body.runId));

/** Runs that wait for their first start, by id: they have no other rows, so that one look serves a burst of triggers. */
export async function newRuns(
  store: Store,
  isKnown: (runId: string) => boolean,
  commands: readonly Command[],
): Promise<ReadonlyMap<string, RunRows>> {
  const wanted = commands.flatMap(({ body }) =>
    body.kind === "adopt_run" && !isKnown(body.runId) ? [body.runId] : [],
  );
  if (wanted.length === 0) return new Map();
  const runs = await runsById(store, wanted).catch((error: unknown): DagRun[] => {
    if (isDatabaseAway(error)) throw error;
    // One row that cannot be read must not keep the others from being adopted: each is read alone then (rule 7).
    return [];
  });
  const isNew = ({ state, startedAt, isReopened, backfillId }: DagRun): boolean =>
    state === "queued" && startedAt === null && isReopened !== true && backfillId === null;
  return new Map(runs.filter(isNew).map((run) => [run.runId, bareRun(run)]));
}

/**
 * Carries out one command on the world; what it changed is flushed together with its result (protocol rule 30). `fresh`: of
 * the runs to adopt those that were read already.
 */
export async function applyCommand(
  store: Store,
  world: World,
  { body }: Command,
  context: DecisionContext,
  fresh: ReadonlyMap<string, RunRows>,
): Promise<CommandResult> {
  switch (body.kind) {
    case "backfill":
      return createBackfill(store, world, body.backfill, body.by, context);
    case "pause_backfill":
      return pauseBackfill(store, world, body, context);
    case "cancel_backfill":
      return cancelBackfill(store, world, body, context);
    case "cancel_run":
      return cancelRun(store, world, body.runId, body.by, context);
    case "release_run":
      return releaseRun(store, world, body.runId, context);
    case "adopt_run":
      return adoptRun(store, world, body.runId, fresh);
    case "decide_approval":
      return decideApproval(store, world, body, body.by, context);
    case "emit_asset":
      return emitAsset(world, body, context);
    case "clear_tasks":
      return clearTasks(store, world, body, context);
    case "mark_tasks":
      return markTasks(store, world, body, context);
    case "abandon_tasks":
      return abandonTasks(store, world, body, context);
    case "retry_tasks":
      return retryTasks(store, world, body, context);
    case "mark_run":
      return markRun(store, world, body, context);
    case "note_run":
    case "note_task":
      return writeNote(store, world, body);
    case "set_pool":
      return setPool(world, body);
    case "set_variable":
      return setVariable(world, body, context);
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
  await knowDags(store, world, [rows.run.dagId]);
  world.enterRun(rows.run, { ...rows, run: { ...rows.run, quarantine: null } });
  world.decideRun(runId, { kind: "taken_over" }, context);
  return done({ run_id: runId, released: true });
}

function setPool(world: World, { pool, slots }: Extract<Command["body"], { kind: "set_pool" }>): CommandResult {
  const known = [...world.pools.keys()].sort();
  const before = Number.isSafeInteger(slots) && slots >= 0 ? world.setPool(pool, slots) : null;
  if (before !== null) return done({ pool, slots, slots_before: before });
  const names = known.length === 0 ? "no DAG has named one yet" : `there are ${known.join(", ")}`;
  return { ok: false, code: "POOL_NOT_FOUND", message: `${pool}: there is no such pool; ${names}` };
}

function pauseDag(world: World, dagId: string, isPaused: boolean, { now }: DecisionContext): CommandResult {
  if (!world.planner.state(dagId)) return { ok: false, code: "DAG_NOT_FOUND", message: `there is no DAG ${dagId}` };
  const changed = world.planner.change(dagId, { isPaused }, now);
  return done({ dag_id: dagId, is_paused: isPaused, changed });
}

/** A run whose rows somebody else inserted (protocol rule 31) enters memory. */
async function adoptRun(
  store: Store,
  world: World,
  runId: string,
  fresh: ReadonlyMap<string, RunRows>,
): Promise<CommandResult> {
  if (world.runs.has(runId)) return done({ run_id: runId });
  const rows = fresh.get(runId) ?? (await loadRun(store, runId));
  if (!rows) return notFound(runId);
  // A term that began after the run was made has had it already.
  const { quarantine, state, versionId } = rows.run;
  if (quarantine !== null || isRunFinished(state)) return done({ run_id: runId });
  await knowDags(store, world, [rows.run.dagId]);
  if (!world.known.versions.has(versionId)) {
    // A newer one was published between the request's look and its insert, and this process has only read that.
    const version = await versionById(store, versionId);
    if (version) world.known.versions.set(versionId, compileDag(version));
  }
  world.addRun(rows);
  return done({ run_id: runId });
}
