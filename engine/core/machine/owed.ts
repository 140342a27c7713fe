import type { TaskSpec } from "../dag.ts";
import type { Instant, Json } from "../json.ts";
import type { Launch } from "../operator.ts";
import type { Attempt } from "../records.ts";
import type { EngineSettings } from "../settings.ts";
import type { Node } from "./active-run.ts";
import { mayHaveUnseenJob } from "./attempt-debts.ts";

/** Something a row asks the shell to do, and from when on (protocol rule 11). */
export type Owed =
  | { readonly kind: "submit"; readonly at: Instant }
  /** The intent is being ended before it was sent: say so, unless a request is under way. */
  | { readonly kind: "withdraw"; readonly at: Instant }
  | { readonly kind: "search"; readonly at: Instant }
  | { readonly kind: "observe"; readonly at: Instant }
  | { readonly kind: "cancel"; readonly at: Instant }
  | { readonly kind: "cancel_duplicate"; readonly at: Instant; readonly ref: Json }
  | { readonly kind: "settle"; readonly at: Instant }
  | { readonly kind: "due"; readonly at: Instant };

/** When the same request may be sent again although its first fate is unknown: at once under a token or a name. */
export function resendAt(attempt: Attempt, launch: Launch): Instant | null {
  if (attempt.doubtAt === null || attempt.ref !== null) return null;
  return launch.kind === "token" || launch.kind === "name" ? attempt.doubtAt : null;
}

/** When an attempt has used up its time: counted from submitted; a sensor's over all its looks. */
export function timeoutAt(node: Node, spec: TaskSpec, launch: Launch): Instant | null {
  const { task, attempt } = node;
  if (spec.timeoutMs === null || attempt?.state !== "open" || attempt.ending || attempt.submittedAt === null)
    return null;
  const from = launch.kind === "sensor" ? (task.startedAt ?? attempt.submittedAt) : attempt.submittedAt;
  return from + spec.timeoutMs;
}

/** When a doubtful launch can be searched for: once a request sent in time has arrived and can be seen (rule 16). */
export function searchableAt(attempt: Attempt, launch: Launch, settings: EngineSettings): Instant | null {
  if (launch.kind !== "find" || attempt.doubtAt === null || attempt.ref !== null) return null;
  const visibility = settings.visibilityMs ?? launch.visibilityMs;
  return Math.max(attempt.doubtAt, attempt.sendBy) + settings.requestLimitMs + visibility;
}

/**
 * When the service is searched for the last time for jobs of an attempt that was in doubt, whatever has become of it: a
 * request may have been slower than a search could know (rule 17). null: never.
 */
export function lateSearchAt(attempt: Attempt, launch: Launch, settings: EngineSettings): Instant | null {
  return launch.kind === "find" && attempt.everInDoubt ? attempt.sendBy + settings.searchAgainMs : null;
}

/** What an attempt owes although it is over, be it the newest of its task or not. */
export function debts(attempt: Attempt): Owed[] {
  const list: Owed[] = attempt.duplicates.flatMap(({ ref, isCancelled }) =>
    isCancelled ? [] : { kind: "cancel_duplicate", at: 0, ref },
  );
  if (attempt.settleAt !== null) list.push({ kind: "settle", at: attempt.settleAt });
  if (attempt.searchAt !== null) list.push({ kind: "search", at: attempt.searchAt });
  if (attempt.state === "orphan" && attempt.ref !== null) {
    list.push({ kind: "observe", at: attempt.submittedAt ?? 0 }, { kind: "cancel", at: attempt.ending?.at ?? 0 });
  }
  return list;
}

/**
 * Everything a task's rows owe the world. One function for the normal path and for a process that has just taken over;
 * the shell asks it again just before it acts.
 */
export function owed(node: Node, spec: TaskSpec, launch: Launch, settings: EngineSettings): Owed[] {
  const { task, attempt } = node;
  const list: Owed[] = [];
  if (task.state === "up_for_retry" && task.retryAt !== null) list.push({ kind: "due", at: task.retryAt });
  if (!attempt) return list;
  list.push(...debts(attempt));
  if (attempt.state !== "open") return list;
  if (attempt.ref !== null) {
    list.push({ kind: "observe", at: attempt.submittedAt ?? 0 });
    if (attempt.ending) list.push({ kind: "cancel", at: attempt.ending.at });
    const timesOutAt = timeoutAt(node, spec, launch);
    if (timesOutAt !== null) list.push({ kind: "due", at: timesOutAt });
    return list;
  }
  if (attempt.doubtAt === null) {
    const withdraws = attempt.ending !== null && !mayHaveUnseenJob(attempt, launch);
    if (attempt.ending && withdraws) list.push({ kind: "withdraw", at: attempt.ending.at });
    else list.push({ kind: "submit", at: attempt.submitAt });
    return list;
  }
  const resendsAt = resendAt(attempt, launch);
  if (resendsAt !== null) list.push({ kind: "due", at: resendsAt });
  const searchAt = searchableAt(attempt, launch, settings);
  if (searchAt !== null) list.push({ kind: "search", at: searchAt });
  return list;
}
