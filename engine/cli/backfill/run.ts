import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { CommandResult, ReprocessBehavior } from "../../core/records.ts";
import { commandResult, enqueue } from "../../store/inbox.ts";
import type { Store } from "../../store/open.ts";
import { backfillProgress } from "../../store/read-models/backfills.ts";
import { listRuns, type RunSummary } from "../../store/read-models/runs.ts";
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
}

const LOOK_MS = 200;
const MOST_RUNS = 100_000;
/** Bills that come late are waited for this long; on AWS they may take many minutes, and come in with the next engine. */
const SETTLE_MS = 3_000;

/** Puts the wish into the inbox, runs an engine in this process until its runs have ended, and answers them, oldest first. */
export async function runBackfill(
  session: Session,
  config: Config,
  store: Store,
  { dag, from, to, ...wish }: BackfillWish,
): Promise<RunSummary[]> {
  const { out, interrupted } = session;
  const backfillId = randomUUID();
  const dagId = dag.spec.dagId;
  const startedAt = performance.now();
  return withEngine(session, config, store, [dag], async (engine) => {
    const backfill = { backfillId, dagId, fromDate: from, toDate: to, ...wish };
    const commandId = await enqueue(store, { kind: "backfill", backfill, by: "cli" });
    const view = progressView(out, "nights");
    for (let accepted = false; ;) {
      const result: CommandResult | null = accepted ? null : await commandResult(store, commandId);
      if (result?.ok === false) throw new NocturneError({ code: result.code, message: result.message });
      accepted ||= result !== null;
      if (accepted) {
        const progress = await backfillProgress(store, backfillId);
        const shown = { runs: progress?.runCounts ?? {}, tasks: progress?.tasks ?? [] };
        view.show(shown, performance.now() - startedAt);
        if (isFinished(shown)) break;
      }
      await delay(LOOK_MS, undefined, { signal: interrupted });
    }
    await Promise.race([engine.settled(), delay(SETTLE_MS, undefined, { ref: false })]);
    const runs = await listRuns(store, { backfillId, limit: MOST_RUNS });
    return runs.sort((a, b) => (a.logicalAt ?? 0) - (b.logicalAt ?? 0));
  });
}
