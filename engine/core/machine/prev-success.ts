import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { PrevSuccess } from "../records.ts";
import type { ActiveRun } from "./active-run.ts";

/** Before which date of which DAG it is asked for. */
export interface PrevSuccessWish {
  readonly runId: string;
  readonly dagId: string;
  readonly logicalAt: Instant;
}

/** Decided once for each version: most DAGs never ask. */
const named = new WeakMap<DagSpec, boolean>();

function namesPrevSuccess(spec: DagSpec): boolean {
  const known = named.get(spec) ?? JSON.stringify(spec).includes("prev_success");
  named.set(spec, known);
  return known;
}

/**
 * Which of these runs it must be read for before anything of them is rendered. Once for each start of a run: what one of its
 * tasks was told holds for the others. A run without a logical date comes after no other, as in Airflow.
 */
export function prevSuccessWishes(runs: Iterable<ActiveRun>): PrevSuccessWish[] {
  return [...new Set(runs)].flatMap(({ run, dag, prevSuccess }) => {
    const { runId, dagId, logicalAt } = run;
    if (prevSuccess !== undefined || logicalAt === null || !namesPrevSuccess(dag.version.spec)) return [];
    return [{ runId, dagId, logicalAt }];
  });
}

/** Keeps what the database says; of a run that it does not name, that there was none. */
export function rememberPrevSuccesses(
  runs: ReadonlyMap<string, ActiveRun>,
  wishes: readonly PrevSuccessWish[],
  found: ReadonlyMap<string, PrevSuccess>,
): void {
  for (const { runId } of wishes) {
    const active = runs.get(runId);
    if (active) active.prevSuccess = found.get(runId) ?? null;
  }
}
