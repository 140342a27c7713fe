import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import type { JsonObject } from "../../core/json.ts";
import { isRunFinished } from "../../core/states.ts";
import type { Variable } from "../../core/variables.ts";
import type { Engine } from "../../runtime/engine.ts";
import { enqueue } from "../../store/inbox.ts";
import type { Store } from "../../store/open.ts";
import { runsProgress } from "../../store/read-models/progress.ts";
import type { RunDetail } from "../../store/read-models/run-detail.ts";
import { listRuns } from "../../store/read-models/runs.ts";
import { listVariables } from "../../store/read-models/variables.ts";
import { checkRange, rangeOf, usage } from "../backfill/plan.ts";
import { accepted } from "../backfill/run.ts";
import { confOf } from "../backfill/wish.ts";
import { EXIT } from "../exit-codes.ts";
import { findDag } from "../read-dags.ts";
import { findRun } from "../runs/find-run.ts";
import { runDocument, runLines } from "../runs/run-lines.ts";
import { warn, withEngine, withStore, type Session } from "../session.ts";
import { progressView } from "../text/progress.ts";

const LOOK_MS = 200;
/** Bills that come late are waited for this long. */
const SETTLE_MS = 3_000;

interface TestOptions {
  readonly date: string;
  readonly conf?: string;
}

/** `dags test DAG --date D`: one run in the foreground, in a schema of its own that is dropped at the end. */
export async function dagsTest(
  session: Session,
  [dagId = ""]: readonly string[],
  options: TestOptions,
): Promise<number> {
  const { out, stopping } = session;
  stopping.message = "cancelling the run and waiting for its remote jobs to end, since nobody would carry them on";
  const config = await session.config();
  const found = await findDag(session, config, dagId);
  checkRange(options.date, options.date);
  const planned = rangeOf(found.spec, options.date, options.date);
  if (planned.length === 0) throw usage(`--date ${options.date}: ${dagId} has no run for that day`);
  if (planned.length > 1)
    throw usage(`--date ${options.date}: ${dagId} has ${planned.length} runs that day; backfill runs them`);
  const conf = confOf(found.spec, options.conf);
  // Nobody is told of a try-out, and a pause is about the schedule.
  const dag = { ...found, spec: { ...found.spec, notify: [], paused: false } };
  const fleet = `nocturne_test_${randomBytes(8).toString("hex")}`;
  const variables = await variablesOf(session, config, dag);
  const detail = await withThrowaway(session, { ...config, fleet }, async (store) => {
    // They come first in the inbox: no run begins before them.
    for (const { name, value } of variables) await enqueue(store, { kind: "set_variable", name, value, by: "cli" });
    return runOnce(session, config, store, dag, { date: options.date, conf });
  });
  for (const line of runLines(detail, out.colors)) out.print(line);
  out.document(runDocument(detail));
  return detail.run.state === "success" ? EXIT.done : EXIT.failed;
}

/** What the DAG's templates may read of the variables of the fleet that it is tried out for. */
async function variablesOf(session: Session, config: Config, { spec }: LoadedDag): Promise<readonly Variable[]> {
  if (!JSON.stringify(spec).includes("vars")) return [];
  return withStore(session, config, listVariables);
}

/** A fleet that is there for `action` alone. */
async function withThrowaway<T>(session: Session, config: Config, action: (store: Store) => Promise<T>): Promise<T> {
  session.interrupted.throwIfAborted();
  const opened = await session.app.openStore(config);
  const { store } = opened;
  for (const problem of opened.warnings) warn(session, problem);
  try {
    return await action(store);
  } finally {
    await session.app.dropFleet(store).catch((error: unknown) => {
      session.out.progress(`nocturne: the schema ${config.fleet} could not be dropped: ${(error as Error).message}`);
    });
    await opened.close();
  }
}

async function runOnce(
  session: Session,
  config: Config,
  store: Store,
  dag: LoadedDag,
  { date, conf }: { readonly date: string; readonly conf: JsonObject },
): Promise<RunDetail> {
  const startedAt = performance.now();
  const view = progressView(session.out, "runs");
  const { dagId } = dag.spec;
  return withEngine(session, config, store, [dag], async (engine) => {
    const backfillId = randomUUID();
    // Where a task depends on the past, runs that are there must be named: here there is none.
    const range = { fromDate: date, toDate: date, maxActiveRuns: 1, reprocess: "failed" } as const;
    // From here on a run may begin, and only a run that is known can be cancelled.
    const uninterrupted = { ...session, interrupted: new AbortController().signal };
    await accepted(uninterrupted, store, { backfillId, dagId, ...range, conf, allowsOverBudget: true }, true);
    let isCancelled = false;
    for (;;) {
      const look = await lookAtRun(store, backfillId).catch(() => null);
      if (look !== null) {
        view.show(look.progress, performance.now() - startedAt);
        if (look.run === undefined) throw usage(`--date ${date}: that day is not over yet`);
        if (isRunFinished(look.run.state) || look.run.quarantine !== null) {
          await settle(engine);
          return findRun(store, look.run.runId);
        }
        if (session.interrupted.aborted && !isCancelled) {
          await enqueue(store, { kind: "cancel_run", runId: look.run.runId, by: "cli" });
          isCancelled = true;
        }
      }
      await delay(LOOK_MS);
    }
  });
}

/** Fails when the database is away for a moment; the engine says when it is away for good. */
async function lookAtRun(store: Store, backfillId: string) {
  const { runCounts: runs, tasks } = await runsProgress(store, { backfillId });
  const [run] = await listRuns(store, { backfillId, limit: 1 });
  return { progress: { runs, tasks }, run };
}

async function settle(engine: Engine): Promise<void> {
  await Promise.race([engine.settled(), delay(SETTLE_MS, undefined, { ref: false })]);
}
