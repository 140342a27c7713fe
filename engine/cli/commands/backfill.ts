import { NocturneError } from "../../core/errors.ts";
import type { DagSpec } from "../../core/dag.ts";
import type { Json, JsonObject } from "../../core/json.ts";
import type { ReprocessBehavior } from "../../core/records.ts";
import { isoText } from "../../core/schedule/runs.ts";
import { nearest } from "../../core/similar.ts";
import { paramMistake } from "../../dagfile/params.ts";
import { existingRuns } from "../../store/load.ts";
import type { Store } from "../../store/open.ts";
import { listDags } from "../../store/read-models/dags.ts";
import { carriedOn, planBackfill, planLines, rangeOf, type BackfillPlan } from "../backfill/plan.ts";
import { runBackfill } from "../backfill/run.ts";
import { EXIT } from "../exit-codes.ts";
import { findDag } from "../read-dags.ts";
import { lookAt, withStore, type Session } from "../session.ts";
import { counted } from "../text/figures.ts";

interface BackfillOptions {
  readonly from: string;
  readonly to: string;
  readonly maxActiveRuns?: number;
  readonly reprocess: ReprocessBehavior;
  readonly dryRun?: boolean;
  readonly conf?: string;
}

/** `backfill DAG --from D --to D`: says what it will do, does it, and says how it went. */
export async function backfill(
  session: Session,
  [dagId = ""]: readonly string[],
  { from, to, reprocess, dryRun = false, ...options }: BackfillOptions,
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  const dag = await findDag(session, config, dagId);
  const planned = rangeOf(dag.spec, from, to);
  const conf = confOf(dag.spec, options.conf);
  const maxActiveRuns = options.maxActiveRuns ?? dag.spec.backfillMaxActiveRuns;
  return withStore(session, config, async (store) => {
    const dates = planned.map((run) => run.logicalAt);
    const plan = planBackfill(dag.spec, planned, await existingRuns(store, dagId, dates), reprocess, Date.now());
    out.print(`${dagId}, ${from} to ${to}, ${maxActiveRuns} at a time:`);
    for (const line of planLines(plan)) out.print(line);
    const counts = countsOf(plan);
    const head = { dag_id: dagId, from, to, max_active_runs: maxActiveRuns, planned: counts };
    const carried = carriedOn(plan);
    const onlyCarryOn = counts.create + counts.reprocess === 0;
    if (dryRun || (onlyCarryOn && carried.length === 0)) {
      out.print(dryRun ? "Nothing was started (--dry-run)." : "Nothing to run.");
      out.document({ ...head, dry_run: dryRun, runs: [] });
      return EXIT.done;
    }
    if (!onlyCarryOn) await refusePaused(store, dag.spec);
    const wish = { dag, from, to, maxActiveRuns, reprocess, conf, carriedOn: carried, onlyCarryOn };
    const runs = await runBackfill(session, config, store, wish);
    const failed = runs.filter(({ state }) => state === "failed");
    out.print(`${counted(runs.length - failed.length, "run")} succeeded, ${failed.length} failed.`);
    for (const { dagRunId } of failed)
      out.print(out.colors.red(`  failed: ${lookAt(session, `runs show ${dagRunId}`)}`));
    out.document({
      ...head,
      dry_run: false,
      runs: runs.map(({ dagRunId, logicalAt, state, startedAt, endedAt }) => ({
        dag_run_id: dagRunId,
        logical_date: logicalAt === null ? null : isoText(logicalAt),
        state,
        seconds: startedAt === null || endedAt === null ? null : (endedAt - startedAt) / 1000,
      })),
    });
    return failed.length === 0 ? EXIT.done : EXIT.failed;
  });
}

/** A paused DAG starts nothing: as the database has it, or for one that is new its file. */
async function refusePaused(store: Store, { dagId, paused }: DagSpec): Promise<void> {
  const stored = (await listDags(store)).find((dag) => dag.dagId === dagId);
  if (!(stored?.isPaused ?? paused)) return;
  throw new NocturneError({ code: "DAG_PAUSED", message: `${dagId} is paused: nothing of it is started` });
}

function countsOf(plan: BackfillPlan) {
  const count = (kind: "create" | "reprocess" | "leave"): number =>
    plan.entries.filter(({ decision }) => decision.kind === kind).length;
  const carriesOn = carriedOn(plan).length;
  return {
    create: count("create"),
    reprocess: count("reprocess"),
    carry_on: carriesOn,
    leave: count("leave") - carriesOn,
    not_yet: plan.notYet.length,
  };
}

/** The values for the DAG's params, each checked against its declaration. */
export function confOf(spec: DagSpec, text: string | undefined): JsonObject {
  if (text === undefined) return {};
  let conf: unknown;
  try {
    conf = JSON.parse(text);
  } catch {
    conf = null;
  }
  if (typeof conf !== "object" || conf === null || Array.isArray(conf)) {
    throw usage(`--conf: expected a JSON object such as '{"bucket": "acme-sales"}'`);
  }
  for (const [name, value] of Object.entries(conf as Record<string, Json>)) {
    const param = spec.params[name];
    const near = nearest(name, Object.keys(spec.params));
    if (param === undefined) {
      throw usage(`--conf: ${spec.dagId} has no param ${name}${near === undefined ? "" : `; did you mean ${near}?`}`);
    }
    const mistake = paramMistake(param, value);
    if (mistake !== null) throw usage(`--conf: ${name}: ${mistake}`);
  }
  return conf as JsonObject;
}

/** An argument that cannot be used. */
export const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
