import { fail } from "./conclude.ts";
import { due } from "./due.ts";
import { expand } from "./expand.ts";
import { finish } from "./progress.ts";
import type { DecisionContext, TaskEvent } from "./events.ts";
import { admit, launch, notSent, submitted } from "./launching.ts";
import { observed, settle } from "./looking.ts";
import { orphanObserved } from "./people/abandon.ts";
import type { RunDraft } from "./run-draft.ts";
import { duplicateCancelled, searched } from "./searching.ts";
import { watchBudget } from "./watch-budget.ts";

/** Applies what happened to one task. An event about an older attempt changes nothing. */
export function decideTask(draft: RunDraft, position: number, event: TaskEvent, context: DecisionContext): void {
  happen(draft, position, event, context);
  watchBudget(draft, context);
}

function happen(draft: RunDraft, position: number, event: TaskEvent, context: DecisionContext): void {
  const { task } = draft.node(position);
  switch (event.kind) {
    case "prepared":
      if (task.state === "scheduled") draft.patch(position, { prepared: { hash: event.hash, params: event.params } });
      return;
    case "unpreparable":
      if (task.state !== "scheduled" || isStale(draft, position, event.read)) return;
      draft.patch(position, { listing: null });
      draft.frozen.push({ hash: context.sha256("{}"), params: {} });
      launch(draft, position, context.sha256("{}"), context);
      fail(draft, position, event.failure, {}, context);
      return;
    case "unwanted":
      if (task.state === "scheduled") finish(draft, position, "skipped", event.why, context);
      return;
    case "listing":
      if (task.state === "scheduled") draft.patch(position, { listing: event.read });
      return;
    case "expanded":
      if (isStale(draft, position, event.read)) return;
      expand(draft, position, { items: event.items, labels: event.labels }, context);
      return;
    case "admitted":
      admit(draft, position, context);
      return;
    case "submitted":
      if (awaitsSubmit(draft, position, event.tryNumber)) {
        submitted(draft, position, event.result, context);
        const { attempt } = draft.node(position);
        if (attempt && event.links) draft.attempt(position, { ...attempt, links: event.links });
      }
      return;
    case "not_sent":
      // After a doubt it says nothing: an earlier request may have arrived.
      if (awaitsSubmit(draft, position, event.tryNumber) && draft.node(position).attempt?.doubtAt === null)
        notSent(draft, position, context);
      return;
    case "searched":
      searched(draft, position, event.tryNumber, event.refs, context);
      return;
    case "observed": {
      const earlier = draft.attemptOf(position, event.tryNumber);
      if (earlier?.state === "orphan") {
        orphanObserved(draft, position, earlier, event.observation, event.logTail, context);
        return;
      }
      if (task.tryNumber === event.tryNumber && draft.node(position).attempt?.state === "open") {
        observed(draft, position, event.observation, event.logTail, context);
      } else settle(draft, position, event.tryNumber, event.observation, context);
      return;
    }
    case "duplicate_cancelled":
      duplicateCancelled(draft, position, event.tryNumber, event.ref);
      return;
    case "due":
      due(draft, position, context);
      return;
  }
}

/** Whether a list was read for an earlier start of the task. */
const isStale = (draft: RunDraft, position: number, read: number | undefined): boolean =>
  read !== undefined && read !== draft.node(position).listing;

const awaitsSubmit = (draft: RunDraft, position: number, tryNumber: number): boolean => {
  const { attempt } = draft.node(position);
  return attempt?.tryNumber === tryNumber && attempt.state === "open" && attempt.ref === null;
};
