import { compileDag, type CompiledDag } from "../../core/machine/compiled-dag.ts";
import type { DecisionContext, RunEvent } from "../../core/machine/events.ts";
import { rebase, type Rebased } from "../../core/machine/people/rebase.ts";
import type { Refusal, View } from "../../core/machine/people/select.ts";
import { activeRun, type RunRows } from "../../core/machine/run-rows.ts";
import type { World } from "../../core/machine/world.ts";
import type { DagRun } from "../../core/records.ts";
import type { TaskWish } from "../../core/commands.ts";
import { isRunFinished } from "../../core/states.ts";
import { loadRun, versionById } from "../../store/load.ts";
import { isArchived } from "../../store/read-models/archived.ts";
import { runsBeside } from "../../store/read-models/runs-beside.ts";
import type { Store } from "../../store/open.ts";
import { knowDags } from "../know-dags.ts";

/** A run that a person's word is about, read and looked at but not yet changed. `rows` null: memory has it. */
export interface Target {
  readonly runId: string;
  readonly view: View;
  readonly rows: RunRows | null;
  /** It goes on by another version from then on. */
  readonly rebased?: Rebased & { readonly from: DagRun };
}

/** Carries out a decision on the run; one that memory does not have is read into it first. */
export function act(world: World, target: Target, event: RunEvent, context: DecisionContext): void {
  const { runId, rows, rebased } = target;
  if (rebased && world.runs.get(runId)?.run.versionId !== rebased.rows.run.versionId) {
    for (const { before, after, told } of rebased.removed) world.gathered.removed(before, after, told);
    world.enterRun(rebased.from, rebased.rows);
    if (!isRunFinished(rebased.from.state)) world.decideRun(runId, { kind: "taken_over" }, context);
  } else if (rows !== null && !world.runs.has(runId)) world.addRun(rows);
  world.decideRun(runId, event, context);
  if (rebased) world.decideRun(runId, { kind: "rebased" }, context);
}

/** The run itself, and with past or future those of the DAG's earlier or later logical dates. */
export async function targetsOf(
  store: Store,
  world: World,
  runId: string,
  wish: TaskWish,
): Promise<readonly Target[] | Refusal> {
  const own = await targetOf(store, world, runId);
  if ("code" in own) return own;
  if (!wish.past && !wish.future) return [own];
  const { dagId, logicalAt } = own.view.run;
  if (logicalAt === null) {
    return {
      code: "ACTION_INVALID",
      message: `${own.view.run.dagRunId} has no logical date: it has no past and no future`,
    };
  }
  const runIds = await runsBeside(store, dagId, logicalAt, wish, MOST_RUNS + 1);
  if (runIds.length > MOST_RUNS) {
    const message = `more than ${MOST_RUNS} runs are meant: run a range of dates again with nocturne backfill ${dagId} --reprocess completed`;
    return { code: "ACTION_INVALID", message };
  }
  const targets: Target[] = [];
  for (const each of runIds.filter((other) => other !== runId)) {
    const target = await targetOf(store, world, each);
    if ("code" in target) return target;
    // What waits for its first start has nothing to be changed.
    if (target.view.nodes.length > 0) targets.push(target);
  }
  return [own, ...targets];
}

const MOST_RUNS = 200;

/** A run as memory has it, or read again. Refused: it is not there, has left for the archive, or was put aside. */
export async function targetOf(store: Store, world: World, runId: string): Promise<Target | Refusal> {
  const active = world.runs.get(runId);
  if (active && !active.isLoaded) {
    return {
      code: "ACTION_REFUSED",
      message: `${active.run.dagRunId} waits to be run again by its backfill: nothing of it has begun`,
    };
  }
  if (active) return { runId, view: active, rows: null };
  const rows = await loadRun(store, runId);
  if (!rows) {
    if (await isArchived(store, runId))
      return { code: "RUN_ARCHIVED", message: `the run ${runId} has left for the archive` };
    return { code: "RUN_NOT_FOUND", message: `there is no run ${runId}` };
  }
  const { quarantine, dagRunId } = rows.run;
  if (quarantine !== null) {
    const message = `${dagRunId} has been put aside (${quarantine}); release it first`;
    return { code: "RUN_QUARANTINED", message };
  }
  await knowDags(store, world, [rows.run.dagId]);
  const dag = await dagOf(store, world, rows.run.versionId);
  return { runId, view: activeRun(rows, dag), rows };
}

/** A version of a DAG; those of old runs are read when they are needed. */
async function dagOf(store: Store, world: World, versionId: string): Promise<CompiledDag> {
  const known = world.known.versions.get(versionId);
  if (known) return known;
  const version = await versionById(store, versionId);
  if (!version) throw new Error(`no version ${versionId}`);
  const dag = compileDag(version);
  world.known.versions.set(versionId, dag);
  return dag;
}

/** The run as it would be on the newest version of its DAG; it is put on it when something is done. */
export async function onLatest(
  store: Store,
  world: World,
  target: Target,
  by: string,
  { now }: DecisionContext,
): Promise<Target | Refusal> {
  const { runId, view } = target;
  const { dagId, dagRunId, versionId } = view.run;
  const latest = world.known.current(dagId);
  if (!latest || world.planner.state(dagId)?.isStale) {
    const message = `the file of ${dagId} is gone: ${dagRunId} can go on by its own version alone`;
    return { code: "ACTION_REFUSED", message };
  }
  if (latest.version.versionId === versionId) return target;
  const stored = target.rows ?? (await loadRun(store, runId));
  if (!stored) return { code: "RUN_NOT_FOUND", message: `there is no run ${runId}` };
  const rebased = rebase(stored, view.dag, latest, by, now);
  if ("code" in rebased) return rebased;
  return {
    runId,
    view: activeRun(rebased.rows, latest),
    rows: rebased.rows,
    rebased: { ...rebased, from: stored.run },
  };
}
