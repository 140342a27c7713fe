import { scheduleText } from "../../core/schedule/schedule-text.ts";
import { EXIT } from "../exit-codes.ts";
import { findDag } from "../read-dags.ts";
import type { Session } from "../session.ts";
import { graphLines, levelsOf } from "../text/graph.ts";

/** `dags show DAG`: the graph by levels. */
export async function dagsShow(session: Session, [dagId = ""]: readonly string[]): Promise<number> {
  const { out } = session;
  const { spec } = await findDag(session, await session.config(), dagId);
  const schedule = spec.schedule === null ? "no schedule" : scheduleText(spec.schedule);
  out.print(`${out.colors.bold(spec.dagId)}  ${schedule}  ${spec.timezone}`);
  if (spec.description !== undefined) out.print(spec.description);
  out.print();
  for (const line of graphLines(spec.tasks)) out.print(line);
  out.document({
    dag_id: spec.dagId,
    schedule: spec.schedule === null ? null : scheduleText(spec.schedule),
    timezone: spec.timezone,
    levels: levelsOf(spec.tasks).map((level) =>
      level.map(({ taskId, operator, dependsOn }) => ({ task_id: taskId, operator, depends_on: dependsOn })),
    ),
  });
  return EXIT.done;
}
