import { logicalBounds } from "../../core/backfill/dates.ts";
import { newBackfill, type BackfillPlan } from "../../core/backfill/plan.ts";
import type { Refusal } from "../../core/backfill/refusal.ts";
import type { JsonObject } from "../../core/json.ts";
import type { DecisionContext } from "../../core/machine/events.ts";
import { bareRun, type RunRows } from "../../core/machine/run-rows.ts";
import type { World } from "../../core/machine/world.ts";
import type { BackfillWish, DagRun } from "../../core/records.ts";
import type { CommandResult } from "../../core/commands.ts";
import { dagRunIdFor } from "../../core/schedule/runs.ts";
import { backfillNumber, isKnownBackfill, loadRuns, runsById } from "../../store/load.ts";
import type { Store } from "../../store/open.ts";
import { backfillPreview } from "../../store/read-models/backfill-preview.ts";
import { newRunId } from "../ids.ts";
import { knowDags } from "../know-dags.ts";

const done = (value: JsonObject): CommandResult => ({ ok: true, value });
const refused = ({ code, message }: Refusal): CommandResult => ({ ok: false, code, message });

/**
 * Makes a backfill and all of its runs, in one flush with the command's result: a process that dies leaves all of them or
 * none. Everything is read before anything is decided.
 */
export async function createBackfill(
  store: Store,
  world: World,
  wish: BackfillWish,
  by: string,
  context: DecisionContext,
): Promise<CommandResult> {
  const { backfillId, dagId } = wish;
  const { now } = context;
  if (await isKnownBackfill(store, backfillId)) return done({ backfill_id: backfillId, is_known: true });
  await knowDags(store, world, [dagId]);
  const dag = world.known.current(dagId);
  if (!dag || world.planner.state(dagId)?.isStale)
    return refused({ code: "DAG_NOT_FOUND", message: `there is no DAG ${dagId}` });
  const { spec, versionId } = dag.version;
  const seen = await backfillPreview(store, spec, wish, now);
  if ("code" in seen) return refused(seen);
  const { plan, onlyTasks, counts } = seen;
  if (seen.refusal) return refused(seen.refusal);
  const again = await rowsToRunAgain(store, world, plan);
  world.enterBackfill(newBackfill(wish, logicalBounds(spec, wish), onlyTasks, now));
  enterRuns(world, plan, again, { backfillId, versionId, conf: wish.conf, onlyTasks, triggeredBy: by }, dagId, now);
  world.completeBackfill(backfillId, now);
  const { create, reprocess, leave, inFlight } = counts;
  return done({ backfill_id: backfillId, created: create, reprocessed: reprocess, left: leave + inFlight });
}

/** The runs to be made again. Of those that memory holds, since they still owe something, all rows are needed at once. */
async function rowsToRunAgain(store: Store, world: World, { entries }: BackfillPlan) {
  const runIds = entries.flatMap(({ decision }) => (decision.kind === "reprocess" ? [decision.runId] : []));
  const held = runIds.filter((runId) => world.runs.has(runId));
  const rows = new Map<string, { readonly rows: RunRows; readonly isLoaded: boolean }>();
  for (const run of runIds.length === 0 ? [] : await runsById(store, runIds)) {
    rows.set(run.runId, { rows: bareRun(run), isLoaded: false });
  }
  for (const each of held.length === 0 ? [] : await loadRuns(store, held)) {
    rows.set(each.run.runId, { rows: each, isLoaded: true });
  }
  return rows;
}

type Label = Pick<DagRun, "versionId" | "conf" | "onlyTasks" | "triggeredBy"> & { readonly backfillId: string };

/** A date that is new gets a run; a run that is there is cleared and relabelled, its history stays. */
function enterRuns(
  world: World,
  { entries }: BackfillPlan,
  again: Awaited<ReturnType<typeof rowsToRunAgain>>,
  label: Label,
  dagId: string,
  now: number,
): void {
  const waiting = { state: "queued", queuedAt: now, startedAt: null, endedAt: null, ending: null } as const;
  const fresh = { ...label, ...waiting, runType: "backfill", budgetLevel: "ok" } as const;
  for (const { planned, decision } of entries) {
    if (decision.kind === "create") {
      const key = { runId: newRunId(now), dagId, dagRunId: dagRunIdFor("backfill", planned.logicalAt) };
      world.enterRun(null, bareRun({ ...key, ...planned, ...fresh, quarantine: null }));
    }
    const stored = decision.kind === "reprocess" ? again.get(decision.runId) : undefined;
    if (!stored) continue;
    const { rows, isLoaded } = stored;
    world.enterRun(rows.run, { ...rows, run: { ...rows.run, ...fresh } }, isLoaded);
  }
}

/** Lets no run of a backfill begin, or lets them begin again; what runs goes on. */
export async function pauseBackfill(
  store: Store,
  world: World,
  { backfillId, isPaused }: { readonly backfillId: string; readonly isPaused: boolean },
  { now }: DecisionContext,
): Promise<CommandResult> {
  const changed = world.pauseBackfill(backfillId, isPaused, now);
  if (changed === null) return refused(await gone(store, backfillId));
  return done({ backfill_id: backfillId, is_paused: isPaused, changed });
}

/** Ends a backfill: its runs that wait have failed, those that run go on to their end. */
export async function cancelBackfill(
  store: Store,
  world: World,
  { backfillId, by }: { readonly backfillId: string; readonly by: string },
  context: DecisionContext,
): Promise<CommandResult> {
  const waiting = world.cancelBackfill(backfillId, by, context);
  if (waiting === null) return refused(await gone(store, backfillId));
  return done({ backfill_id: backfillId, cancelled_runs: waiting });
}

async function gone(store: Store, backfillId: string): Promise<Refusal> {
  const number = await backfillNumber(store, backfillId);
  if (number === null) return { code: "BACKFILL_NOT_FOUND", message: `there is no backfill ${backfillId}` };
  return { code: "BACKFILL_ENDED", message: `the backfill ${number} has ended already` };
}
