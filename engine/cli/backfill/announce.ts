import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { BackfillWish } from "../../core/records.ts";
import type { Store } from "../../store/open.ts";
import { backfillPreview, type BackfillPreview } from "../../store/read-models/backfill-preview.ts";
import { listDags } from "../../store/read-models/dags.ts";
import { findDag } from "../read-dags.ts";
import { withStore, type Session } from "../session.ts";
import { carriedOn, estimateLines, planLines } from "./plan.ts";
import { rangeOf, wishOf, type BackfillOptions } from "./wish.ts";

/** A backfill of which people have been told what it will do. */
export interface Announced {
  readonly config: Config;
  readonly store: Store;
  readonly dag: LoadedDag;
  readonly wish: BackfillWish;
  readonly preview: BackfillPreview;
  /** As the database has it, or for a DAG that is new its file. */
  readonly isPaused: boolean;
  /** What every answer for programs begins with. */
  readonly head: object;
}

/** Says what a backfill will do, and hands it to `next`; with --dry-run or where nothing is to be done `next` may stop. */
export async function announced(
  session: Session,
  dagId: string,
  options: BackfillOptions,
  next: (announced: Announced) => Promise<number>,
): Promise<number> {
  const { out } = session;
  // What is wrong with the command itself is told before a file is read.
  rangeOf(options);
  const config = await session.config();
  const dag = await findDag(session, config, dagId);
  const wish = wishOf(dag.spec, options);
  return withStore(session, config, async (store) => {
    const now = Date.now();
    const seen = await backfillPreview(store, dag.spec, wish, now);
    if ("code" in seen) throw new NocturneError(seen);
    const { plan, counts, onlyTasks, expected } = seen;
    const { fromDate: from, toDate: to, maxActiveRuns, runsBackwards } = wish;
    out.print(
      `${dagId}, ${from} to ${to}, ${maxActiveRuns} at a time${runsBackwards === true ? ", newest first" : ""}:`,
    );
    for (const line of planLines(plan)) out.print(line);
    if (onlyTasks !== null) out.print(`Only these tasks: ${onlyTasks.join(", ")}.`);
    const { budget } = dag.spec;
    for (const line of estimateLines(dagId, plan, expected, { budget, maxActiveRuns, now })) out.print(line);
    const stored = (await listDags(store)).find((each) => each.dagId === dagId);
    const head = {
      ...{ dag_id: dagId, from, to, max_active_runs: maxActiveRuns, backwards: runsBackwards === true },
      only_tasks: onlyTasks,
      planned: {
        create: counts.create,
        reprocess: counts.reprocess,
        carry_on: carriedOn(plan).length,
        leave: counts.leave,
        not_yet: counts.notYet,
      },
      estimate: expected && {
        based_on_runs: expected.basedOnRuns,
        seconds_per_run: expected.perRunMs / 1_000,
        seconds: expected.durationMs / 1_000,
        cost_per_run: expected.perRunCost,
        cost: expected.cost,
        currency: expected.currency,
      },
      budget_per_run: budget === null ? null : budget.perRun,
      would_be_refused: seen.refusal?.code ?? null,
    };
    const isPaused = stored?.isPaused ?? dag.spec.paused;
    return next({ config, store, dag, wish, preview: seen, isPaused, head });
  });
}

/** Throws what the writer would refuse. */
export function refuse({ refusal }: BackfillPreview): void {
  if (refusal) throw new NocturneError(refusal);
}
