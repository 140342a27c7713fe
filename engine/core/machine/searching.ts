import { canonicalJson } from "../canonical-json.ts";
import type { Instant, Json } from "../json.ts";
import type { Attempt } from "../records.ts";
import type { DecisionContext } from "./events.ts";
import { note, notSent, started } from "./launching.ts";
import { lateSearchAt, searchableAt } from "./owed.ts";
import type { RunDraft } from "./run-draft.ts";

/** What a search for the launch key found: resolves a doubt, or brings duplicates to light (rules 16 and 17). */
export function searched(
  draft: RunDraft,
  position: number,
  tryNumber: number,
  refs: readonly Json[],
  context: DecisionContext,
): void {
  const before = draft.attemptOf(position, tryNumber);
  const [oldest] = refs;
  const { now, settings } = context;
  if (before?.state === "open" && before.ref === null) {
    if (oldest !== undefined) started(draft, position, oldest, context);
    else {
      // Of an earlier doubt, when it comes late: what was sent since cannot be seen yet.
      const at = searchableAt(before, context.launchOf(before.operator), settings);
      if (at !== null && at <= now) notSent(draft, position, context);
      return;
    }
  }
  const attempt = draft.attemptOf(position, tryNumber);
  // What an answer says that nobody waits for any more was told before.
  if (!attempt || attempt.searchAt === null) return;
  const lateAt = lateSearchAt(attempt, context.launchOf(attempt.operator), settings);
  const searchAt = lateAt !== null && now < lateAt ? lateAt : null;
  const extra = unknownOf(draft, position, attempt, refs);
  for (const ref of extra) note(draft, position, `DUPLICATE_LAUNCH: ${JSON.stringify(ref)} is cancelled`, now);
  const duplicates = [...attempt.duplicates, ...extra.map((ref) => ({ ref, isCancelled: false }))];
  const [late] = extra;
  const owing = attempt.ref === null && late !== undefined ? orphanOf(attempt, late, now) : attempt;
  draft.changeAttempt(position, remembering({ ...owing, duplicates, searchAt }));
}

/** A duplicate was asked to stop. */
export function duplicateCancelled(draft: RunDraft, position: number, tryNumber: number, ref: Json): void {
  const attempt = draft.attemptOf(position, tryNumber);
  if (!attempt) return;
  const text = canonicalJson(ref);
  const duplicates = attempt.duplicates.map((each) =>
    canonicalJson(each.ref) === text ? { ...each, isCancelled: true } : each,
  );
  draft.changeAttempt(position, remembering({ ...attempt, duplicates }));
}

/** Those of the references that say something new. */
function unknownOf(draft: RunDraft, position: number, attempt: Attempt, refs: readonly Json[]): Json[] {
  const own = attempt.ref === null ? [] : [attempt.ref];
  // After a takeover a reference has its keys in Postgres's order: by its plain text a job would be a duplicate of itself.
  const known = new Set([...own, ...attempt.duplicates.map(({ ref }) => ref)].map(canonicalJson));
  // A person may have told a task to follow this job, which it does by an attempt of another key.
  return refs.filter((ref) => !known.has(canonicalJson(ref)) && !draft.isFollowed(ref));
}

/**
 * The attempt had ended without a job, and there is one after all: its request was slower than the search could know. Nothing
 * waits for it; like every duplicate it is asked to stop, and beside that it is looked at and booked until it is final.
 */
function orphanOf(attempt: Attempt, ref: Json, now: Instant): Attempt {
  const ending = { cause: "duplicate", then: "failed", by: "engine", at: now } as const;
  return { ...attempt, state: "orphan", ref, submittedAt: now, endedAt: null, ending };
}

/** What was cancelled is known for as long as a search would find it again. */
const remembering = (attempt: Attempt): Attempt =>
  attempt.searchAt !== null
    ? attempt
    : { ...attempt, duplicates: attempt.duplicates.filter(({ isCancelled }) => !isCancelled) };
