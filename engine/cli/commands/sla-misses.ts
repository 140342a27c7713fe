import { listDeadlines } from "../../store/read-models/deadlines.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { isoOrNull, spanText, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

interface MissesOptions {
  readonly dag?: string;
  readonly limit: number;
}

/** `sla misses`: deadlines that were missed, the latest first; also of runs that never started. */
export async function slaMisses(
  session: Session,
  _args: readonly string[],
  { dag, limit }: MissesOptions,
): Promise<number> {
  const { out } = session;
  const misses = await withStore(session, await session.config(), (store) =>
    listDeadlines(store, { limit, ...(dag === undefined ? {} : { dagId: dag }) }),
  );
  const titles = ["DAG", "RULE", "DEADLINE", "DUE", "RUN", "STATE", "LATE"].map((title) => ({ title }));
  const cells = misses.map((miss) => [
    miss.dagId,
    miss.rule,
    timeText(miss.deadlineAt),
    timeText(miss.dueAt),
    miss.dagRunId ?? "none was made",
    miss.runState ?? "",
    miss.runEndedAt === null ? "" : spanText(Math.max(0, miss.runEndedAt - miss.deadlineAt)),
  ]);
  if (misses.length === 0) out.print("No deadline was missed.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({
    misses: misses.map((miss) => ({
      dag_id: miss.dagId,
      rule: miss.rule,
      due_at: isoOrNull(miss.dueAt),
      deadline_at: isoOrNull(miss.deadlineAt),
      decided_at: isoOrNull(miss.decidedAt),
      run_id: miss.runId,
      dag_run_id: miss.dagRunId,
      run_state: miss.runState,
      run_ended_at: isoOrNull(miss.runEndedAt),
    })),
  });
  return EXIT.done;
}
