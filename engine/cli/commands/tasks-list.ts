import { taskPage } from "../../store/read-models/task-instances.ts";
import { EXIT } from "../exit-codes.ts";
import { nameOf } from "../people/say.ts";
import { findRun } from "../runs/find-run.ts";
import { withStore, type Session } from "../session.ts";
import { timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

const MOST = 100_000;

/** `tasks list RUN`: its task instances with their states, notes, and ends that AWS has not confirmed. */
export async function tasksList(
  session: Session,
  [runName = ""]: readonly string[],
  { dag }: { readonly dag?: string },
): Promise<number> {
  const { out } = session;
  return withStore(session, await session.config(), async (store) => {
    const { run, tasks } = await findRun(store, runName, dag);
    const { dagId, dagRunId } = run;
    const all = { limit: MOST, offset: 0, orderBy: [], visible: ["*"] };
    const { rows } = await taskPage(store, { ...all, dagId, dagRunId });
    const noteOf = new Map(rows.map((row) => [nameOf(row), row.note]));
    const shown = tasks.map((task) => {
      const open = task.attempts.filter(({ state }) => state === "open" || state === "orphan");
      const ending = open.find(({ ending }) => ending !== null)?.ending ?? null;
      const orphans = task.attempts.filter(({ state }) => state === "orphan").map(({ ref }) => ref);
      return { ...task, ending, orphans, note: noteOf.get(nameOf(task)) ?? null };
    });
    const columns = [
      { title: "TASK" },
      { title: "STATE" },
      { title: "TRY" },
      { title: "ENDING SINCE" },
      { title: "NOTE" },
    ];
    const lines = shown.map((task) => [
      nameOf(task),
      task.state,
      task.tryNumber === 0 ? "" : String(task.tryNumber),
      task.ending === null
        ? ""
        : `${timeText(task.ending.at)} (${task.ending.cause})${task.orphans.length > 0 ? ", orphan" : ""}`,
      task.note ?? "",
    ]);
    if (shown.length === 0) out.print(`${dagRunId} has not started: it has no task instances yet.`);
    else for (const line of table(columns, lines)) out.print(line);
    out.document({
      run_id: run.runId,
      dag_run_id: dagRunId,
      tasks: shown.map((task) => ({
        task_id: task.taskId,
        map_index: task.mapIndex,
        state: task.state === "none" ? null : task.state,
        try_number: task.tryNumber,
        ending: task.ending === null ? null : { ...task.ending, at: new Date(task.ending.at).toISOString() },
        orphans: task.orphans,
        note: task.note,
      })),
    });
    return EXIT.done;
  });
}
