import type { DagSpec } from "../../core/dag.ts";
import { dsOf, isoText } from "../../core/schedule/runs.ts";
import { Zone } from "../../core/schedule/zone.ts";
import { EXIT } from "../exit-codes.ts";
import { findDag } from "../read-dags.ts";
import { comingRuns } from "../schedule/coming-runs.ts";
import { storedDags } from "../schedule/stored-dags.ts";
import type { Session } from "../session.ts";
import { isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `dags next DAG [--count N]`: the next runs of its schedule, by the wall's clock; needs no database. */
export async function dagsNext(
  session: Session,
  [dagId = ""]: readonly string[],
  { count }: { readonly count: number },
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  const { spec } = await findDag(session, config, dagId);
  const isPaused = (await storedDags(session, config)).get(dagId)?.isPaused ?? spec.paused;
  const runs = comingRuns(spec, Date.now(), count);
  const wall = (at: number): string => timeText(Zone.of(spec.timezone).wall(at)).replace("Z", "");
  for (const line of remarks(spec, isPaused, runs.length)) out.print(line);
  if (runs.length > 0) {
    const columns = [{ title: "DUE" }, { title: spec.timezone }, { title: "ds" }];
    const rows = runs.map((run) => [timeText(run.runAfterAt), wall(run.runAfterAt), dsOf(spec, run)]);
    for (const line of table(columns, rows)) out.print(line);
  }
  out.document({
    dag_id: dagId,
    timezone: spec.timezone,
    paused: isPaused,
    continuous: spec.schedule?.isContinuous ?? false,
    start_date: isoOrNull(spec.startAt),
    end_date: isoOrNull(spec.endAt),
    runs: runs.map((run) => ({
      due_at: isoText(run.runAfterAt),
      logical_date: isoText(run.logicalAt),
      data_interval_start: isoText(run.intervalStartAt),
      data_interval_end: isoText(run.intervalEndAt),
      ds: dsOf(spec, run),
    })),
  });
  return EXIT.done;
}

/** What the times alone do not say. */
function remarks({ dagId, schedule, onAssets, startAt, endAt }: DagSpec, isPaused: boolean, coming: number): string[] {
  if (schedule === null) {
    return [`${dagId} has no schedule${onAssets === null ? "" : ": it runs when its assets have changed"}.`];
  }
  const lines: string[] = [];
  if (isPaused) lines.push(`${dagId} is paused: no run is made until nocturne dags unpause ${dagId}.`);
  if (!schedule.isContinuous) return coming > 0 ? lines : [...lines, `${dagId} has no run any more.`];
  if (endAt !== null && endAt <= Date.now()) return [...lines, `${dagId} has no run any more.`];
  const from = startAt !== null && startAt > Date.now() ? `, from ${timeText(startAt)} on` : "";
  const until = endAt === null ? "" : `, until ${timeText(endAt)}`;
  return [
    ...lines,
    `${dagId} runs continuously: its next run is due as soon as the last one has ended${from}${until}.`,
  ];
}
