import { compileDag } from "../../core/machine/compiled-dag.ts";
import { rebase } from "../../core/machine/people/rebase.ts";
import { selectTasks, type Refusal, type View } from "../../core/machine/people/select.ts";
import { whatToClear } from "../../core/machine/people/what-to-clear.ts";
import { activeRun } from "../../core/machine/run-rows.ts";
import type { TaskWish } from "../../core/commands.ts";
import type { TaskState } from "../../core/states.ts";
import { loadRun, versionById } from "../load.ts";
import type { Store } from "../open.ts";
import { runsBeside } from "./runs-beside.ts";

/** A task instance that a wish is about, as it stands now. */
export interface Meant {
  readonly runId: string;
  readonly dagRunId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly state: TaskState;
}

export interface Preview {
  readonly tasks: readonly Meant[];
  /** Setups that a clear leaves, since what they made still stands. */
  readonly left: readonly Meant[];
  /** The run's version, and the newest of its DAG. */
  readonly versionNumber: number;
  readonly latestNumber: number;
}

const MOST_RUNS = 200;

/** What a wish comes to now; the writer decides anew. By the same functions as the writer's, on rows as they are stored. */
export async function peoplePreview(
  store: Store,
  runId: string,
  wish: TaskWish,
  { clears, onLatest = false }: { readonly clears: boolean; readonly onLatest?: boolean },
): Promise<Preview | Refusal> {
  const own = await viewOf(store, runId, onLatest);
  if ("code" in own) return own;
  const { logicalAt, dagId } = own.view.run;
  const others =
    (wish.past || wish.future) && logicalAt !== null ? await runsBeside(store, dagId, logicalAt, wish, MOST_RUNS) : [];
  const views = [own.view];
  for (const other of others) {
    const found = await viewOf(store, other, false);
    if (!("code" in found)) views.push(found.view);
  }
  const tasks: Meant[] = [];
  const left: Meant[] = [];
  for (const view of views) {
    const plan = clears ? whatToClear(view, wish) : selectTasks(view, wish);
    if ("code" in plan) return plan;
    const meant = "places" in plan ? plan : { places: plan, left: [] };
    tasks.push(...meant.places.map((place) => meantAt(view, place)));
    left.push(...meant.left.map((place) => meantAt(view, place)));
  }
  const { versionNumber, latestNumber } = own;
  return { tasks, left, versionNumber, latestNumber };
}

async function viewOf(store: Store, runId: string, onLatest: boolean) {
  const rows = await loadRun(store, runId);
  const version = rows && (await versionById(store, rows.run.versionId));
  if (!rows || !version) return { code: "RUN_NOT_FOUND", message: `there is no run ${runId}` } satisfies Refusal;
  const newest = await store.db
    .selectFrom("dag_version")
    .select(["version_id", "version_number"])
    .where("dag_id", "=", rows.run.dagId)
    .orderBy("version_number", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  const dag = compileDag(version);
  const numbers = { versionNumber: version.versionNumber, latestNumber: newest.version_number };
  const latest =
    onLatest && newest.version_id !== version.versionId ? await versionById(store, newest.version_id) : null;
  if (!latest) return { view: activeRun(rows, dag), ...numbers };
  const onIt = compileDag(latest);
  const rebased = rebase(rows, dag, onIt, "", 0);
  if ("code" in rebased) return rebased;
  return { view: activeRun(rebased.rows, onIt), ...numbers };
}

const meantAt = ({ run, dag, nodes }: View, place: number): Meant => ({
  runId: run.runId,
  dagRunId: run.dagRunId,
  taskId: dag.tasks[nodes[place]?.taskAt ?? place]?.taskId ?? "",
  mapIndex: nodes[place]?.task.mapIndex ?? -1,
  state: nodes[place]?.task.state ?? "none",
});
