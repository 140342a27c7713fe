import type { JsonObject } from "../../core/json.ts";
import type { Meant, Preview } from "../../store/read-models/people-preview.ts";
import type { Session } from "../session.ts";
import { table } from "../text/table.ts";

export const nameOf = ({ taskId, mapIndex }: Pick<Meant, "taskId" | "mapIndex">): string =>
  mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`;

const MOST_SHOWN = 50;

/** Shows what would be done, a line a task instance. */
export function showPreview({ out }: Session, { tasks, left }: Preview, what: string): void {
  const runs = new Set(tasks.map(({ dagRunId }) => dagRunId));
  const columns = [...(runs.size > 1 ? [{ title: "RUN" }] : []), { title: "TASK" }, { title: "NOW" }];
  const rows = tasks
    .slice(0, MOST_SHOWN)
    .map((each) => [...(runs.size > 1 ? [each.dagRunId] : []), nameOf(each), each.state]);
  for (const line of table(columns, rows)) out.progress(line);
  if (tasks.length > MOST_SHOWN) out.progress(`and ${tasks.length - MOST_SHOWN} more`);
  for (const each of left) out.progress(`${nameOf(each)} is left: what it made still stands, its teardown has not run`);
  out.progress(
    `${tasks.length} task instance${tasks.length === 1 ? "" : "s"} of ${runs.size} run${runs.size === 1 ? "" : "s"} would be ${what}.`,
  );
}

export const meantRows = (tasks: readonly Meant[]): JsonObject[] =>
  tasks.map(({ dagRunId, taskId, mapIndex, state }) => ({
    dag_run_id: dagRunId,
    task_id: taskId,
    map_index: mapIndex,
    state: state === "none" ? null : state,
  }));
