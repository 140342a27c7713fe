import { backfillDates } from "../../core/backfill/dates.ts";
import { estimate, overBudget, type Estimate } from "../../core/backfill/estimate.ts";
import { countsOf, planBackfill, type BackfillCounts, type BackfillPlan } from "../../core/backfill/plan.ts";
import { wishRefusal, type Refusal } from "../../core/backfill/refusal.ts";
import { selectedTasks } from "../../core/backfill/selected-tasks.ts";
import type { DagSpec } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import type { BackfillWish } from "../../core/records.ts";
import { takenDates } from "../../store/load.ts";
import type { Store } from "../../store/open.ts";
import { backfillPage } from "../../store/read-models/backfills.ts";
import { runHistory } from "../../store/read-models/run-history.ts";

/** What a backfill would do, before anything of it is asked for. */
export interface Preview {
  readonly plan: BackfillPlan;
  readonly counts: BackfillCounts;
  readonly onlyTasks: readonly string[] | null;
  readonly expected: Estimate | null;
  /** Why the writer would refuse it as things stand; null: it would not. */
  readonly refusal: Refusal | null;
}

/** Asks the writer's own questions. Throws what can not be, whatever the state of things. */
export async function preview(store: Store, spec: DagSpec, wish: BackfillWish, now: Instant): Promise<Preview> {
  const { dagId } = wish;
  const mistake = wishRefusal(spec, wish);
  if (mistake) throw new NocturneError(mistake);
  const dates = backfillDates(spec, wish, now);
  if ("code" in dates) throw new NocturneError(dates);
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
  const [other] = active.rows;
  const isActive = other && {
    code: "BACKFILL_ACTIVE" as const,
    message: `${dagId} has a backfill that has not ended: ${other.number} (${other.fromDate} to ${other.toDate})`,
  };
  const isTooDear = wish.allowsOverBudget === true ? null : overBudget(spec.budget, expected);
  return { plan, counts, onlyTasks, expected, refusal: runs === 0 ? null : (isActive ?? isTooDear) };
}
