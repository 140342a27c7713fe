import type { RunState } from "../../core/states.ts";
import { isRunFinished } from "../../core/states.ts";
import type { RunMark } from "../../store/read-models/run-marks.ts";
import { spanText } from "../text/figures.ts";

/** What is known of the runs that have not ended: run id -> state. */
export type KnownRuns = ReadonlyMap<string, RunState>;

/** What a look at the runs says that the one before did not: a line for each run that began, ended, or was put aside. */
export function runNews(
  known: KnownRuns,
  marks: readonly RunMark[],
): { readonly lines: string[]; readonly known: KnownRuns } {
  const lines = marks.flatMap((mark) => newsOf(known.get(mark.runId), mark));
  const open = marks.filter(({ state, quarantine }) => !isRunFinished(state) && quarantine === null);
  return { lines, known: new Map(open.map(({ runId, state }) => [runId, state])) };
}

function newsOf(before: RunState | undefined, run: RunMark): string[] {
  const name = `${run.dagId}  ${run.dagRunId}`;
  if (run.quarantine !== null) return before === undefined ? [] : [`${name}  put aside: ${run.quarantine}`];
  if (run.state === before) return [];
  if (run.state === "running") return [`${name}  began`];
  if (!isRunFinished(run.state)) return [];
  const took = run.startedAt === null || run.endedAt === null ? "" : ` after ${spanText(run.endedAt - run.startedAt)}`;
  return [`${name}  ended in ${run.state}${took}`];
}
