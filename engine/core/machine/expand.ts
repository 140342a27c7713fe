import { newTask, NOT_LOOKED } from "./active-run.ts";
import type { DecisionContext } from "./events.ts";
import { isGrowing, NOT_MAPPED_YET, type Expansion } from "./mapped.ts";
import { finish, finishWhole } from "./progress.ts";
import type { RunDraft } from "./run-draft.ts";

/** A mapped task knows what it is mapped over: that is written first, its instances follow from it (protocol rule 6). */
export function expand(draft: RunDraft, taskAt: number, expansion: Expansion, context: DecisionContext): void {
  const { task } = draft.node(taskAt);
  if (task.state !== "scheduled" || !draft.spec(taskAt).forEach || task.mapIndex >= 0) return;
  const { now } = context;
  draft.rare.expansions.set(taskAt, expansion);
  draft.rare.mapped.set(taskAt, { ...NOT_MAPPED_YET, expansion, places: draft.mappedOf(taskAt).places });
  const count = expansion.items.length;
  if (count === 0) {
    finish(draft, taskAt, "skipped", "there is nothing to map over", context);
    return;
  }
  draft.task(taskAt, { state: "running", startedAt: now }, `mapped over ${count} items`, "engine", now);
}

/** Makes the next instances: a step that can be repeated from the rows at any time. */
export function makeInstances(draft: RunDraft, taskAt: number, most: number, context: DecisionContext): void {
  for (let index = 0; index < most && isGrowing(draft.mappedOf(taskAt)); index++) makeInstance(draft, taskAt, context);
  finishWhole(draft, taskAt, context);
}

function makeInstance(draft: RunDraft, taskAt: number, { now }: DecisionContext): void {
  const before = draft.mappedOf(taskAt);
  const mapIndex = before.made;
  const { runId, taskNo } = draft.node(taskAt).task;
  const { retries } = draft.spec(taskAt);
  const known = before.places[mapIndex];
  const place = known ?? draft.size;
  const places = known === undefined ? [...before.places, place] : before.places;
  if (known === undefined) {
    const task = newTask(runId, taskNo, retries, mapIndex);
    draft.add({ task, taskAt, attempt: null, prepared: null, looking: NOT_LOOKED, listing: null });
  }
  const { tryNumber } = draft.node(place).task;
  const fresh = { ...newTask(runId, taskNo, tryNumber + retries, mapIndex), tryNumber };
  // What an earlier attempt of it still owes stays with the run; the instance itself begins anew.
  draft.leaveAttempt(place);
  draft.patch(place, { attempt: null, prepared: null, listing: null });
  draft.task(place, { ...fresh, state: "scheduled" }, "an item to work on", "engine", now);
  // Counted from here on: what the row was before is not how the instance ended.
  draft.rare.mapped.set(taskAt, { ...before, places, made: mapIndex + 1 });
}
