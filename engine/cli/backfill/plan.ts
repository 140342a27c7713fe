import { decideBackfillDate, type BackfillDecision } from "../../core/backfill.ts";
import type { DagSpec } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import type { DagRun, ReprocessBehavior } from "../../core/records.ts";
import { dsOf, runsForRange, type PlannedRun } from "../../core/schedule/runs.ts";
import { isRunFinished } from "../../core/states.ts";

/** What a backfill will do with each run of its range, oldest first. A run under way is left alone, and carried on. */
export interface BackfillPlan {
  readonly entries: readonly {
    readonly ds: string;
    readonly planned: PlannedRun;
    readonly decision: BackfillDecision;
  }[];
  /** Days whose interval is not over: their data are not complete. */
  readonly notYet: readonly string[];
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Throws a USAGE error when the range is none. */
export function checkRange(from: string, to: string): void {
  for (const [option, day] of Object.entries({ "--from": from, "--to": to })) {
    if (DAY.test(day) && isoDay(Date.parse(`${day}T00:00:00Z`)) === day) continue;
    throw usage(`${option} ${day}: expected a day such as 2026-01-31`);
  }
  if (from > to) throw usage(`--from ${from} is after --to ${to}`);
}

/** null for what is no instant. A day that a month does not have comes out as another one. */
const isoDay = (at: number): string | null => (Number.isNaN(at) ? null : new Date(at).toISOString().slice(0, 10));

/** The runs of the range; a USAGE error when the range is none. */
export function rangeOf(spec: DagSpec, from: string, to: string): PlannedRun[] {
  checkRange(from, to);
  try {
    return runsForRange(spec, from, to);
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** `existing`: the DAG's runs at these logical dates. */
export function planBackfill(
  spec: DagSpec,
  planned: readonly PlannedRun[],
  existing: readonly DagRun[],
  reprocess: ReprocessBehavior,
  now: Instant,
): BackfillPlan {
  const byDate = new Map(existing.map((run) => [run.logicalAt, run]));
  const isOver = (run: PlannedRun): boolean => run.runAfterAt <= now;
  return {
    entries: planned.filter(isOver).map((run) => ({
      ds: dsOf(spec, run),
      planned: run,
      decision: decideBackfillDate(byDate.get(run.logicalAt), reprocess),
    })),
    notYet: planned.filter((run) => !isOver(run)).map((run) => dsOf(spec, run)),
  };
}

/** The runs of the range that are under way, perhaps left so by a command that was killed. */
export const carriedOn = (plan: BackfillPlan): DagRun[] =>
  plan.entries.flatMap(({ decision }) =>
    decision.kind === "leave" && !isRunFinished(decision.run.state) ? [decision.run] : [],
  );

/** The plan for people: what is made, run again, carried on, and what is left alone and why, ranges drawn together. */
export function planLines(plan: BackfillPlan): string[] {
  const groups = new Map<string, string[]>();
  const carried = new Set(carriedOn(plan));
  for (const { ds, decision } of plan.entries) {
    const does =
      decision.kind === "create"
        ? "make"
        : decision.kind === "reprocess"
          ? "run again"
          : carried.has(decision.run)
            ? `carry on: ${decision.why}`
            : `leave alone: ${decision.why}`;
    groups.set(does, [...(groups.get(does) ?? []), ds]);
  }
  if (plan.notYet.length > 0) groups.set("leave out: the day is not over", [...plan.notYet]);
  return [...groups].map(([does, days]) => `${String(days.length).padStart(4)}  ${does}  (${daysText(days)})`);
}

function daysText(days: readonly string[]): string {
  const [first = "", last = ""] = [days[0], days.at(-1)];
  if (days.length <= 3) return days.join(", ");
  return `${first} … ${last}`;
}

const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
