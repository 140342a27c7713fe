import { rangeMistake } from "../../core/backfill/dates.ts";
import { countsOf, type BackfillPlan } from "../../core/backfill/plan.ts";
import type { Estimate } from "../../core/backfill/estimate.ts";
import type { BudgetSpec, DagSpec } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import { runsForRange, type PlannedRun } from "../../core/schedule/runs.ts";
import { costText, counted, spanText, timeText } from "../text/figures.ts";

/** Throws a USAGE error when the range is none. */
export function checkRange(from: string, to: string): void {
  const mistake = rangeMistake({ fromDate: from, toDate: to });
  if (mistake !== null) throw usage(`--from ${from} --to ${to}: ${mistake}`);
}

/** The runs of the range; a USAGE error when the range is none. */
export function rangeOf(spec: DagSpec, from: string, to: string): PlannedRun[] {
  checkRange(from, to);
  return runsForRange(spec, from, to);
}

/** The ids of the range's runs that are under way, perhaps left so by a command that was killed. */
export const carriedOn = (plan: BackfillPlan): string[] =>
  plan.entries.flatMap(({ decision }) =>
    decision.kind === "leave" && decision.reason === "in_flight" ? [decision.runId] : [],
  );

/** The plan for people: what is made, run again, carried on, and what is left alone and why, ranges drawn together. */
export function planLines(plan: BackfillPlan): string[] {
  const groups = new Map<string, string[]>();
  for (const { ds, decision } of plan.entries) {
    const does =
      decision.kind === "create"
        ? "make"
        : decision.kind === "reprocess"
          ? "run again"
          : `${decision.reason === "in_flight" ? "carry on" : "leave alone"}: ${decision.why}`;
    const days = groups.get(does) ?? [];
    days.push(ds);
    groups.set(does, days);
  }
  if (plan.notYet.length > 0) groups.set("leave out: the day is not over", [...plan.notYet]);
  return [...groups].map(([does, days]) => `${String(days.length).padStart(4)}  ${does}  (${daysText(days)})`);
}

function daysText(days: readonly string[]): string {
  const [first = "", last = ""] = [days[0], days.at(-1)];
  if (days.length <= 3) return days.join(", ");
  return `${first} … ${last}`;
}

/** What a backfill is expected to cost and when it should end, from the runs before; where there are none, that. */
export function estimateLines(
  dagId: string,
  plan: BackfillPlan,
  expected: Estimate | null,
  { budget, maxActiveRuns, now }: { budget: BudgetSpec | null; maxActiveRuns: number; now: Instant },
): string[] {
  const { create, reprocess } = countsOf(plan);
  const runs = create + reprocess;
  if (runs === 0) return [];
  if (expected === null) return [`No estimate: ${dagId} has had no successful run yet.`];
  const { basedOnRuns, perRunMs, perRunCost, cost, currency, durationMs } = expected;
  const basis = `the median of ${counted(basedOnRuns, "earlier run")}`;
  const limit = budget === null ? "no budget limits it" : `each run may spend ${budget.perRun} ${budget.currency}`;
  const money =
    perRunCost === null || cost === null
      ? "Expected cost: none was booked for earlier runs"
      : `Expected cost: ${counted(runs, "run")} of ${costText({ amount: perRunCost, currency })} are ${costText({ amount: cost, currency })}`;
  return [
    `${money} (${basis}; ${limit}).`,
    `Expected end: ${timeText(now + durationMs)} if it starts now and nothing holds it up (${spanText(perRunMs)} a run, ${maxActiveRuns} at a time).`,
  ];
}

/** An argument that cannot be used. */
export const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
