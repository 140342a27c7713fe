import { setTimeout as delay } from "node:timers/promises";
import { NocturneError } from "../../core/errors.ts";
import type { Store } from "../../store/open.ts";
import { backfillProgress, type BackfillProgress } from "../../store/read-models/backfills.ts";
import { backfillDocument, backfillLines, standingOf } from "../backfill/show.ts";
import { EXIT } from "../exit-codes.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { spanText } from "../text/figures.ts";
import { progressView } from "../text/progress.ts";

const LOOK_MS = 500;

/** `backfill show ID`: how far it is; with --watch until it has ended, carried on when no engine runs. */
export async function backfillShow(
  session: Session,
  [name = ""]: readonly string[],
  { watch = false }: { readonly watch?: boolean },
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  return withStore(session, config, async (store) => {
    let progress = await found(store, name);
    if (watch && isUnderWay(progress)) {
      session.stopping.message = "looking on ends; the backfill goes on with the next engine";
      progress = await withEngine(session, config, store, [], () => followed(session, store, name));
    }
    const now = Date.now();
    for (const line of backfillLines(progress, now)) out.print(line);
    out.document(backfillDocument(progress, now));
    return watch && (progress.runCounts.failed ?? 0) > 0 ? EXIT.failed : EXIT.done;
  });
}

async function followed({ out, interrupted }: Session, store: Store, name: string): Promise<BackfillProgress> {
  const view = progressView(out, "runs");
  for (;;) {
    const progress = await found(store, name);
    const now = Date.now();
    const { remainingMs } = standingOf(progress, now);
    const { runCounts: runs, tasks, pace } = progress;
    const eta = remainingMs === null ? "" : `, ${spanText(remainingMs)} to go`;
    view.show({ runs, tasks }, now - (pace.startedAt ?? now), progress.backfill.isPaused ? ", paused" : eta);
    if (!isUnderWay(progress)) return progress;
    await delay(LOOK_MS, undefined, { signal: interrupted });
  }
}

/** Of one that was cancelled runs may still be under way. */
const isUnderWay = ({ backfill, runCounts }: BackfillProgress): boolean =>
  backfill.state === "active" || (runCounts.running ?? 0) > 0;

async function found(store: Store, name: string): Promise<BackfillProgress> {
  const progress = await backfillProgress(store, name);
  if (progress) return progress;
  throw new NocturneError({ code: "BACKFILL_NOT_FOUND", message: `${name}: there is no such backfill` });
}
