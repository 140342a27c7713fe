import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { BackfillWish, DagRun } from "../../core/records.ts";
import { existingRuns } from "../../store/load.ts";
import { runsForRange } from "../../core/schedule/runs.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import { runsProgress } from "../../store/read-models/progress.ts";
import { carriedOut } from "../inbox.ts";
import { withEngine, type Session } from "../session.ts";
import { isFinished, progressView } from "../text/progress.ts";

/** A backfill that is followed to its end. */
export interface FollowedBackfill {
  readonly dag: LoadedDag;
  readonly wish: BackfillWish;
  /** Runs of the range that are under way: the engine carries them on, and they are waited for. */
  readonly carriedOn: readonly string[];
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
  followed: FollowedBackfill,
): Promise<DagRun[]> {
  const { out, interrupted } = session;
  const { dag, wish, carriedOn: runIds, onlyCarryOn } = followed;
  const startedAt = performance.now();
  return withEngine(session, config, store, [dag], async (engine) => {
    const backfillId = onlyCarryOn ? null : wish.backfillId;
    if (backfillId !== null) await taken(session, store, wish, engine);
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
    const dates = runsForRange(dag.spec, wish.fromDate, wish.toDate).map(({ logicalAt }) => logicalAt);
    const runs = await existingRuns(store, dag.spec.dagId, dates);
    return runs.filter((run) => (backfillId !== null && run.backfillId === backfillId) || runIds.includes(run.runId));
  });
}

/** Hands the wish over, and says who carries it out: Ctrl-C means something else when another process does. */
async function taken(session: Session, store: Store, wish: BackfillWish, engine: Engine): Promise<void> {
  await engine.ready;
  const isOurs = engine.isWriting;
  if (!isOurs) {
    // Before it is asked for: from then on it may have begun.
    session.stopping.message = "the backfill goes on in the running system; `nocturne runs watch` looks on again";
  }
  await accepted(session, store, wish, isOurs);
  if (!isOurs) session.out.progress("The running system carries it out; Ctrl-C here only stops looking on.");
}

/** Resolves when an engine has taken the wish: this process's (`isOurs`) or another's. Throws what it refused. */
export async function accepted(session: Session, store: Store, wish: BackfillWish, isOurs: boolean): Promise<void> {
  try {
    await carriedOut(session, store, { kind: "backfill", backfill: wish, by: "cli" });
  } catch (error) {
    if (isOurs || !(error instanceof NocturneError) || error.problems[0]?.code !== "DAG_NOT_FOUND") throw error;
    const message = `the running system does not know ${wish.dagId}: it reads another folder of DAGs, or has not read this file yet`;
    throw new NocturneError({ code: "DAG_NOT_FOUND", message }, { cause: error });
  }
}
