import { Decimal } from "decimal.js";
import type { BudgetSpec } from "../dag.ts";
import type { Refusal } from "./refusal.ts";

/** What the last successful runs of a DAG were like; only of the tasks that a backfill runs. */
export interface RunHistory {
  /** How many runs the medians are taken over; 0: none, the DAG has not run yet. */
  readonly runs: number;
  readonly medianMs: number;
  /** Exact decimal; null: nothing was booked for any of them. */
  readonly medianCost: string | null;
  readonly currency: string | null;
}

/** What a backfill will take and cost if its runs are like those before. */
export interface Estimate {
  readonly basedOnRuns: number;
  readonly perRunMs: number;
  readonly durationMs: number;
  /** Exact decimals; null: nothing was ever booked. */
  readonly perRunCost: string | null;
  readonly cost: string | null;
  readonly currency: string | null;
}

/** null: there is no history to judge by. */
export function estimate(history: RunHistory, runs: number, maxActiveRuns: number): Estimate | null {
  if (history.runs === 0) return null;
  const { medianMs, medianCost, currency } = history;
  return {
    basedOnRuns: history.runs,
    perRunMs: medianMs,
    durationMs: Math.ceil(runs / maxActiveRuns) * medianMs,
    perRunCost: medianCost,
    cost: medianCost === null ? null : new Decimal(medianCost).times(runs).toFixed(),
    currency,
  };
}

/** Why a backfill is refused for money: its runs are expected to exceed what each may spend; null: they are not. */
export function overBudget(budget: BudgetSpec | null, expected: Estimate | null): Refusal | null {
  if (budget === null || expected === null || expected.perRunCost === null) return null;
  if (expected.currency !== budget.currency || new Decimal(expected.perRunCost).lte(budget.perRun)) return null;
  const { perRunCost, currency, basedOnRuns } = expected;
  const cost = `${new Decimal(perRunCost).toFixed(2)} ${currency}`;
  const of = basedOnRuns === 1 ? "its one successful run" : `the median of its last ${basedOnRuns} successful runs`;
  const message = `a run is expected to cost ${cost} (${of}), more than its budget of ${budget.perRun} ${budget.currency}`;
  return { code: "BACKFILL_OVER_BUDGET", message };
}
