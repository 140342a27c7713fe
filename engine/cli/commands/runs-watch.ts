import { setTimeout as delay } from "node:timers/promises";
import type { Store } from "../../store/open.ts";
import { runsProgress } from "../../store/read-models/progress.ts";
import { listRuns } from "../../store/read-models/runs.ts";
import { EXIT } from "../exit-codes.ts";
import { findRun } from "../runs/find-run.ts";
import { runRow } from "../runs/run-lines.ts";
import { lookAt, withEngine, withStore, type Session } from "../session.ts";
import { counted } from "../text/figures.ts";
import { isFinished, progressView, type Progress } from "../text/progress.ts";

const LOOK_MS = 500;
const MOST_RUNS = 1_000;

/** `runs watch [RUN]`: follows the run, task by task, or all that are active, until they have ended. */
export async function runsWatch(
  session: Session,
  [name]: readonly string[],
  { dag }: { readonly dag?: string },
): Promise<number> {
  const { out, interrupted } = session;
  const config = await session.config();
  return withStore(session, config, async (store) => {
    const watched = name === undefined ? await activeRuns(store, dag) : [(await findRun(store, name, dag)).run.runId];
    const startedAt = performance.now();
    const view = progressView(out, "runs");
    if (watched.length > 0) {
      await withEngine(session, config, store, [], async () => {
        for (;;) {
          const { runCounts: runs, tasks } = await runsProgress(store, { runIds: watched });
          // Tasks of several DAGs are no one list.
          const progress: Progress = { runs, tasks: name === undefined && dag === undefined ? [] : tasks };
          view.show(progress, performance.now() - startedAt);
          if (isFinished(progress)) return;
          await delay(LOOK_MS, undefined, { signal: interrupted });
        }
      });
    }
    const runs = await Promise.all(watched.map(async (runId) => (await findRun(store, runId)).run));
    const failed = runs.filter(({ state }) => state === "failed");
    out.print(
      runs.length === 0
        ? "No run is active."
        : `${counted(runs.length - failed.length, "run")} succeeded, ${failed.length} failed.`,
    );
    for (const { dagRunId } of failed)
      out.print(out.colors.red(`  failed: ${lookAt(session, `runs show ${dagRunId}`)}`));
    out.document({ runs: runs.map(runRow) });
    return failed.length > 0 ? EXIT.failed : EXIT.done;
  });
}

async function activeRuns(store: Store, dagId: string | undefined): Promise<string[]> {
  const filter = {
    states: ["running", "queued"] as const,
    limit: MOST_RUNS,
    ...(dagId === undefined ? {} : { dagId }),
  };
  return (await listRuns(store, filter)).map(({ runId }) => runId);
}
