import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { DagRun, ReprocessBehavior } from "../../core/records.ts";
import { runsForRange } from "../../core/schedule/runs.ts";
import { commandResult, enqueue } from "../../store/inbox.ts";
import { existingRuns } from "../../store/load.ts";
import type { Store } from "../../store/open.ts";
import { runsProgress } from "../../store/read-models/progress.ts";
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
  const backfillId = randomUUID();
  const startedAt = performance.now();
  return withEngine(session, config, store, [wish.dag], async (engine) => {
    if (!wish.onlyCarryOn) await accepted(session, store, wish, backfillId);
    const view = progressView(out, "nights");
    for (;;) {
      const { runCounts: runs, tasks } = await runsProgress(store, { backfillId, runIds });
      view.show({ runs, tasks }, performance.now() - startedAt);
      if (isFinished({ runs, tasks })) break;
      await delay(LOOK_MS, undefined, { signal: interrupted });
    }
    await Promise.race([engine.settled(), delay(SETTLE_MS, undefined, { ref: false })]);
    const dates = runsForRange(spec, wish.from, wish.to).map(({ logicalAt }) => logicalAt);
    const runs = await existingRuns(store, spec.dagId, dates);
    return runs.filter((run) => run.backfillId === backfillId || runIds.includes(run.runId));
  });
}

/** Resolves when an engine, this one or another process's, has taken the wish. */
async function accepted(session: Session, store: Store, wish: BackfillWish, backfillId: string): Promise<void> {
  const { dag, from, to, maxActiveRuns, reprocess, conf } = wish;
  const { dagId } = dag.spec;
  const backfill = { backfillId, dagId, fromDate: from, toDate: to, maxActiveRuns, reprocess, conf };
  const commandId = await enqueue(store, { kind: "backfill", backfill, by: "cli" });
  for (;;) {
    const result = await commandResult(store, commandId);
    if (result?.ok === false) throw new NocturneError({ code: result.code, message: result.message });
    if (result !== null) return;
    await delay(LOOK_MS, undefined, { signal: session.interrupted });
  }
}
