import { backfillDates } from "../../core/backfill/dates.ts";
import { estimate, overBudget, type Estimate } from "../../core/backfill/estimate.ts";
import { countsOf, planBackfill, type BackfillCounts, type BackfillPlan } from "../../core/backfill/plan.ts";
import { wishRefusal, type Refusal } from "../../core/backfill/refusal.ts";
import { selectedTasks } from "../../core/backfill/selected-tasks.ts";
import type { DagSpec } from "../../core/dag.ts";
import type { Instant } from "../../core/json.ts";
import type { BackfillWish } from "../../core/records.ts";
import { takenDates } from "../load.ts";
import type { Store } from "../open.ts";
import { backfillPage, type BackfillRow } from "./backfills.ts";
import { runHistory } from "./run-history.ts";

/** What a backfill would do as things stand. */
export interface BackfillPreview {
  readonly plan: BackfillPlan;
  readonly counts: BackfillCounts;
  /** null: every task of each run. */
  readonly onlyTasks: readonly string[] | null;
  /** null: there is no run to judge by. */
  readonly expected: Estimate | null;
  /** Why it is refused nevertheless; null: it is not. */
  readonly refusal: Refusal | null;
}

/** The same questions for who looks ahead and for the writer; a Refusal where there is not even something to show. */
export async function backfillPreview(
  store: Store,
  spec: DagSpec,
  wish: BackfillWish,
  now: Instant,
): Promise<BackfillPreview | Refusal> {
  const { dagId } = wish;
  const mistake = wishRefusal(spec, wish);
  if (mistake) return mistake;
  const dates = backfillDates(spec, wish, now);
  if ("code" in dates) return dates;
  const onlyTasks = selectedTasks(spec, wish);
  const [taken, history, active] = await Promise.all([
    takenDates(store, [{ dagId, logicalAts: dates.runs.map(({ logicalAt }) => logicalAt) }]),
    runHistory(store, dagId, onlyTasks),
    backfillPage(store, { visible: ["*"], dagId, isActive: true, limit: 1, offset: 0, orderBy: [] }),
  ]);
  const plan = planBackfill(spec, dates, taken, wish);
  const counts = countsOf(plan);
  const runs = counts.create + counts.reprocess;
  const expected = estimate(history, runs, wish.maxActiveRuns);
  const isTooDear = wish.allowsOverBudget === true || runs === 0 ? null : overBudget(spec.budget, expected);
  return { plan, counts, onlyTasks, expected, refusal: activeRefusal(active.rows[0]) ?? isTooDear };
}

/** One backfill of a DAG at a time, as in Airflow: two would each start runs of the other's dates. */
function activeRefusal(active: BackfillRow | undefined): Refusal | null {
  if (!active) return null;
  const { dagId, number, fromDate, toDate, isPaused } = active;
  const message = `${dagId} has a backfill that has not ended: ${number} (${fromDate} to ${toDate}${isPaused ? ", paused" : ""})`;
  return { code: "BACKFILL_ACTIVE", message };
}
