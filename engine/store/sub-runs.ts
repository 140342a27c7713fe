import type { DagSpec } from "../core/dag.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { manualInterval } from "../core/schedule/manual-run.ts";
import type { RunState } from "../core/states.ts";
import { MOST_TRIGGER_DEPTH, type SubRunOutcome, type SubRuns, type SubRunWish } from "../core/sub-runs.ts";
import { enqueue } from "./inbox.ts";
import type { Store } from "./open.ts";
import { triggerRun, type TriggeredRun } from "./trigger.ts";

/** What making a run needs of other rooms. */
interface Needs {
  newRunId(now: number): string;
  /** What of a conf the DAG does not take, in words; null: nothing. */
  confMistake(spec: DagSpec, conf: JsonObject): string | null;
}

/** Runs that tasks trigger, made as a request's are (protocol rule 31): their id stands for the launch key. */
export function subRunsOf(store: Store, needs: Needs): SubRuns {
  return {
    trigger: (wish) => trigger(store, needs, wish),
    async look(runIds) {
      const { rows } = await store.pool.query<{ run_id: string; state: RunState; is_paused: boolean }>(
        `SELECT run_id, state, is_paused FROM dag_run JOIN dag USING (dag_id) WHERE run_id = ANY ($1::uuid[])`,
        [runIds],
      );
      return new Map(rows.map((row) => [row.run_id, { state: row.state, isPaused: row.is_paused }]));
    },
    async cancel(runId, by) {
      const { rows } = await store.pool.query<{ is_open: boolean }>(
        `SELECT state IN ('queued', 'running') AND ending IS NULL AS is_open FROM dag_run WHERE run_id = $1::uuid`,
        [runId],
      );
      if (rows[0]?.is_open) await enqueue(store, { kind: "cancel_run", runId, by });
    },
  };
}

async function trigger(store: Store, needs: Needs, wish: SubRunWish): Promise<SubRunOutcome> {
  const { dagId, logicalAt, conf, now, parent } = wish;
  const dagRunId = `triggered__${wish.launchKey}`;
  const found = await lookFor(store, wish, dagRunId);
  if (found.runId !== null) return { kind: "made", run: { runId: found.runId, dagId, dagRunId } };
  if (found.parentRunId === null) throw new Error(`the run ${parent.dagRunId} of ${parent.dagId} is not there`);
  const depth = found.parentDepth + 1;
  if (depth > MOST_TRIGGER_DEPTH) {
    return refused("TRIGGER_DEPTH", `${parent.dagRunId} stands ${found.parentDepth} deep already`);
  }
  const runId = needs.newRunId(now);
  const run = {
    runId,
    runAfterAt: now,
    queuedAt: now,
    triggeredBy: `operator:${parent.dagId}`,
    conf,
    note: null,
    parent: { runId: found.parentRunId, depth },
  };
  const request = { dagId, dagRunId, isIdMade: false, logicalAt, idempotency: null };
  const outcome = await triggerRun(
    store,
    request,
    ({ spec }): { readonly run: TriggeredRun } | { readonly refusal: string } => {
      const mistake = needs.confMistake(spec, conf);
      if (mistake !== null) return { refusal: mistake };
      const interval = manualInterval(spec, { logicalAt, runAfterAt: now });
      return { run: { ...run, intervalStartAt: interval.startAt, intervalEndAt: interval.endAt } };
    },
  );
  switch (outcome.kind) {
    case "triggered":
      return { kind: "made", run: { runId: outcome.run.runId, dagId, dagRunId } };
    case "refused":
      return refused("PARAMS_INVALID", outcome.refusal);
    case "exists": {
      // An earlier request of this very launch may have come in between.
      const own = await lookFor(store, wish, dagRunId);
      if (own.runId !== null) return { kind: "made", run: { runId: own.runId, dagId, dagRunId } };
      return refused("RUN_EXISTS", `${dagId} has a run of this logical date: ${outcome.dagRunId}`);
    }
    case "no_dag":
      return refused("DAG_NOT_FOUND", `there is no DAG ${dagId}`);
    case "full":
      return { kind: "busy", message: "too much waits for the writer" };
    case "mismatch":
      throw new Error("a request without a key matched one");
  }
}

const refused = (code: ErrorCode, message: string): SubRunOutcome => ({ kind: "refused", code, message });

async function lookFor(store: Store, { dagId, parent }: SubRunWish, dagRunId: string) {
  const { rows } = await store.pool.query<{
    run_id: string | null;
    parent_run_id: string | null;
    depth: number | null;
  }>({
    name: "sub_run_look",
    text: `SELECT (SELECT run_id FROM run_key WHERE dag_id = $1 AND dag_run_id = $2) AS run_id,
                  above.run_id AS parent_run_id, above.depth
           FROM (SELECT) AS always LEFT JOIN (
             SELECT run_id, depth FROM dag_run JOIN run_key USING (run_id)
             WHERE run_key.dag_id = $3 AND run_key.dag_run_id = $4
           ) AS above ON true`,
    values: [dagId, dagRunId, parent.dagId, parent.dagRunId],
  });
  const [row] = rows;
  return { runId: row?.run_id ?? null, parentRunId: row?.parent_run_id ?? null, parentDepth: row?.depth ?? 0 };
}
