import { comingRuns } from "../schedule/coming-runs.ts";
import { dsOf, isoText } from "../../core/schedule/runs.ts";
import { Zone } from "../../core/schedule/zone.ts";
import { EXIT } from "../exit-codes.ts";
import { findDag } from "../read-dags.ts";
import type { Session } from "../session.ts";
import { timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `dags next DAG [--count N]`: the next runs of its schedule, by the wall's clock; needs no database. */
export async function dagsNext(
  session: Session,
  [dagId = ""]: readonly string[],
  { count }: { readonly count: number },
): Promise<number> {
  const { out } = session;
  const { spec } = await findDag(session, await session.config(), dagId);
  const runs = comingRuns(spec, Date.now(), count);
  const wall = (at: number): string => timeText(Zone.of(spec.timezone).wall(at)).replace("Z", "");
  if (spec.schedule === null) out.print(`${dagId} has no schedule.`);
  else {
    const columns = [{ title: "DUE" }, { title: spec.timezone }, { title: "ds" }];
    const rows = runs.map((run) => [timeText(run.runAfterAt), wall(run.runAfterAt), dsOf(spec, run)]);
    for (const line of table(columns, rows)) out.print(line);
  }
  out.document({
    dag_id: dagId,
    timezone: spec.timezone,
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
