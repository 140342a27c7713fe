import { APPROVAL, decided, type ApprovalTerms } from "../../core/approval.ts";
import type { Json } from "../../core/json.ts";
import { placeOf, specAt, type ActiveRun, type Node } from "../../core/machine/active-run.ts";
import type { DecisionContext } from "../../core/machine/events.ts";
import { activeRun } from "../../core/machine/run-rows.ts";
import { compileDag } from "../../core/machine/compiled-dag.ts";
import type { World } from "../../core/machine/world.ts";
import type { ApprovalWish, CommandResult } from "../../core/commands.ts";
import { loadRun, versionById } from "../../store/load.ts";
import { isFinished } from "../../core/states.ts";
import type { Store } from "../../store/open.ts";

/** A person's word about an approval: the first one counts, and becomes the task's end in the flush that applies it. */
export async function decideApproval(
  store: Store,
  world: World,
  wish: ApprovalWish,
  by: string,
  context: DecisionContext,
): Promise<CommandResult> {
  const active = world.runs.get(wish.runId) ?? (await endedRun(store, world, wish.runId));
  const taskNo = active?.dag.version.taskNos[wish.taskId];
  const place = active && taskNo !== undefined ? placeOf(active, { taskNo, mapIndex: wish.mapIndex }) : undefined;
  const node = place === undefined ? undefined : active?.nodes[place];
  if (!active || place === undefined || !node || specAt(active, place).operator !== APPROVAL) return notAsked(wish);
  const { attempt, task } = node;
  // Of one that has succeeded only the row stays.
  if (attempt === null && (task.tryNumber === 0 || !isFinished(task.state))) return notAsked(wish);
  const isLate = wish.tryNumber !== null && wish.tryNumber !== task.tryNumber;
  if (isLate || attempt?.state !== "open") return tooLate(wish, node, active.outputs.get(place));
  if (attempt.ref === null) return notAsked(wish);
  const { decision, note } = wish;
  const observation = decided(attempt.ref as ApprovalTerms, { decision, by, at: context.now, note });
  const { tryNumber } = attempt;
  world.decideTask(task, { kind: "observed", tryNumber, observation }, context);
  return { ok: true, value: { run_id: wish.runId, task_id: wish.taskId, map_index: wish.mapIndex, decision, by } };
}

/** The rows of a run that has left memory, only to say what became of it. */
async function endedRun(store: Store, world: World, runId: string): Promise<ActiveRun | undefined> {
  const rows = await loadRun(store, runId);
  if (!rows) return undefined;
  const { versionId } = rows.run;
  const version = await versionById(store, versionId);
  const dag = world.known.versions.get(versionId) ?? (version && compileDag(version));
  return dag ? activeRun(rows, dag) : undefined;
}

const notAsked = ({ runId, taskId }: ApprovalWish): CommandResult => ({
  ok: false,
  code: "APPROVAL_NOT_FOUND",
  message: `${taskId} of the run ${runId} does not wait for a decision`,
});

function tooLate({ taskId }: ApprovalWish, { task, attempt }: Node, output: Json | undefined): CommandResult {
  const said = output as { readonly decision?: string; readonly by?: string; readonly at?: string } | null | undefined;
  const how =
    said?.decision === undefined
      ? `${task.state}${attempt?.failure ? `: ${attempt.failure.message}` : ""}`
      : `${said.decision} by ${said.by ?? ""} at ${said.at ?? ""}`;
  return { ok: false, code: "APPROVAL_DECIDED", message: `${taskId} was decided before: ${how}` };
}
