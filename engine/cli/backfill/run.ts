import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { DagRun, ReprocessBehavior } from "../../core/records.ts";
import { runsForRange } from "../../core/schedule/runs.ts";
import { existingRuns } from "../../store/load.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import { runsProgress } from "../../store/read-models/progress.ts";
import { carriedOut } from "../inbox.ts";
import { withEngine, type Session } from "../session.ts";
import { isFinished, progressView } from "../text/progress.ts";

/** A backfill as somebody asked for it; days are days of ds, both inclusive. */
export interface BackfillWish {
  readonly dag: LoadedDag;
  readonly from: string;
  readonly to: string;
  readonly maxActiveRuns: number;
  readonly reprocess: ReprocessBehavior;
  readonly conf: JsonObject;
  /** Runs of the range that are under way: the engine carries them on, and they are waited for. */
  readonly carriedOn: readonly DagRun[];
  /** Whether there is nothing else to do. */
  readonly onlyCarryOn: boolean;
}

const LOOK_MS = 200;
/** Bills that come late are waited for this long; on AWS they may take many minutes, and come in with the next engine. */
const SETTLE_MS = 3_000;

/** Puts the wish into the inbox, runs an engine in this process until its runs have ended, and answers them, oldest first. */
export async function runBackfill(
  session: Session,
  config: Config,
  store: Store,
  wish: BackfillWish,
): Promise<DagRun[]> {
  const { out, interrupted } = session;
  const { spec } = wish.dag;
  const runIds = wish.carriedOn.map(({ runId }) => runId);
  const startedAt = performance.now();
  return withEngine(session, config, store, [wish.dag], async (engine) => {
    const backfillId = wish.onlyCarryOn ? null : await taken(session, store, wish, engine);
    const view = progressView(out, "nights");
    for (;;) {
      const { runCounts: runs, tasks } = await runsProgress(store, {
        ...(backfillId === null ? {} : { backfillId }),
        runIds,
      });
      view.show({ runs, tasks }, performance.now() - startedAt);
      if (isFinished({ runs, tasks })) break;
      await delay(LOOK_MS, undefined, { signal: interrupted });
    }
    await Promise.race([engine.settled(), delay(SETTLE_MS, undefined, { ref: false })]);
    const dates = runsForRange(spec, wish.from, wish.to).map(({ logicalAt }) => logicalAt);
    const runs = await existingRuns(store, spec.dagId, dates);
    return runs.filter((run) => (backfillId !== null && run.backfillId === backfillId) || runIds.includes(run.runId));
  });
}

/** Hands the wish over, and says who carries it out: Ctrl-C means something else when another process does. */
async function taken(session: Session, store: Store, wish: BackfillWish, engine: Engine): Promise<string> {
  const { dagId } = wish.dag.spec;
  await engine.ready;
  const isOurs = engine.isWriting;
  try {
    if (!isOurs) {
      // Before it is asked for: from then on it may have begun.
      session.stopping.message = "the backfill goes on in the running system; `nocturne runs watch` looks on again";
    }
    const backfillId = await acceptBackfill(session, store, { ...wish, dagId });
    if (!isOurs) session.out.progress("The running system carries it out; Ctrl-C here only stops looking on.");
    return backfillId;
  } catch (error) {
    if (isOurs || !(error instanceof NocturneError) || error.problems[0]?.code !== "DAG_NOT_FOUND") throw error;
    const message = `the running system does not know ${dagId}: it reads another folder of DAGs, or has not read this file yet`;
    throw new NocturneError({ code: "DAG_NOT_FOUND", message }, { cause: error });
  }
}

/** What an engine needs to know of a backfill. */
interface Accepted {
  readonly dagId: string;
  readonly from: string;
  readonly to: string;
  readonly maxActiveRuns: number;
  readonly reprocess: ReprocessBehavior;
  readonly conf: JsonObject;
}

/** Resolves with the backfill's id when an engine, this one or another process's, has taken the wish. Throws what it refused. */
export async function acceptBackfill(session: Session, store: Store, wish: Accepted): Promise<string> {
  const { dagId, from: fromDate, to: toDate, maxActiveRuns, reprocess, conf } = wish;
  const backfill = { backfillId: randomUUID(), dagId, fromDate, toDate, maxActiveRuns, reprocess, conf };
  await carriedOut(session, store, { kind: "backfill", backfill, by: "cli" });
  return backfill.backfillId;
}
