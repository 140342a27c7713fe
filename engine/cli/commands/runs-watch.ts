import { setTimeout as delay } from "node:timers/promises";
import type { RunState } from "../../core/states.ts";
import type { Store } from "../../store/open.ts";
import { listRuns } from "../../store/read-models/runs.ts";
import { EXIT } from "../exit-codes.ts";
import { findRun } from "../runs/find-run.ts";
import { runRow } from "../runs/run-lines.ts";
import { withEngine, withStore, type Session } from "../session.ts";
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
    const look =
      name === undefined ? () => progressOfMany(store, watched) : () => progressOfOne(store, watched[0] ?? "");
    if (watched.length > 0) {
      await withEngine(session, config, store, [], async () => {
        for (;;) {
          const progress = await look();
          view.show(progress, performance.now() - startedAt);
          if (isFinished(progress)) return;
          await delay(LOOK_MS, undefined, { signal: interrupted });
        }
      });
    }
    const runs = await Promise.all(watched.map(async (runId) => (await findRun(store, runId)).run));
    out.print(watched.length === 0 ? "No run is active." : "All of them have ended.");
    out.document({ runs: runs.map(runRow) });
    return runs.some(({ state }) => state === "failed") ? EXIT.failed : EXIT.done;
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

async function progressOfOne(store: Store, runId: string): Promise<Progress> {
  const { run, tasks } = await findRun(store, runId);
  return { runs: { [run.state]: 1 }, tasks: tasks.map(({ taskId, state }) => ({ taskId, counts: { [state]: 1 } })) };
}

/** What is neither active nor failed any more has succeeded. */
async function progressOfMany(store: Store, watched: readonly string[]): Promise<Progress> {
  const others = await listRuns(store, { states: ["running", "queued", "failed"], limit: MOST_RUNS });
  const states = new Map(others.map((run) => [run.runId, run.state]));
  const runs: Partial<Record<RunState, number>> = {};
  for (const runId of watched) {
    const state = states.get(runId) ?? "success";
    runs[state] = (runs[state] ?? 0) + 1;
  }
  return { runs, tasks: [] };
}
