import type { Verdict } from "../../core/approval.ts";
import { waitingApprovals } from "../../store/read-models/approvals.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { findRun } from "../runs/find-run.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `approvals list`: what waits for a decision, the oldest first. */
export async function approvalsList(session: Session): Promise<number> {
  const { out } = session;
  const waiting = await withStore(session, await session.config(), (store) => waitingApprovals(store));
  const titles = ["DAG", "RUN", "TASK", "SINCE", "UNTIL", "QUESTION"].map((title) => ({ title }));
  const cells = waiting.map((each) => [
    each.dagId,
    each.dagRunId,
    each.mapIndex < 0 ? each.taskId : `${each.taskId}[${each.mapIndex}]`,
    timeText(each.askedAt),
    each.until === null ? "" : timeText(each.until),
    each.message,
  ]);
  if (waiting.length === 0) out.print("Nothing waits for a decision.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({
    approvals: waiting.map((each) => ({
      dag_id: each.dagId,
      run_id: each.runId,
      dag_run_id: each.dagRunId,
      task_id: each.taskId,
      map_index: each.mapIndex,
      message: each.message,
      approvers: each.approvers,
      asked_at: isoOrNull(each.askedAt),
      until: isoOrNull(each.until),
    })),
  });
  return EXIT.done;
}

interface DecisionOptions {
  readonly dag?: string;
  readonly note?: string;
  readonly mapIndex?: string;
}

/** `tasks approve RUN TASK`: the first decision counts. */
export const tasksApprove = (session: Session, args: readonly string[], options: DecisionOptions): Promise<number> =>
  decide(session, args, options, "approved");

/** `tasks reject RUN TASK`. */
export const tasksReject = (session: Session, args: readonly string[], options: DecisionOptions): Promise<number> =>
  decide(session, args, options, "rejected");

async function decide(
  session: Session,
  [name = "", taskId = ""]: readonly string[],
  { dag, note, mapIndex = "-1" }: DecisionOptions,
  decision: Verdict,
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  const answer = await withStore(session, config, async (store) => {
    const { run } = await findRun(store, name, dag);
    const which = { runId: run.runId, taskId, mapIndex: Number(mapIndex), tryNumber: null };
    const body = { kind: "decide_approval", ...which, decision, note: note ?? null, by: "cli" } as const;
    return withEngine(session, config, store, [], () => carriedOut(session, store, body));
  });
  out.print(`${taskId} is ${decision}.`);
  out.document(answer);
  return EXIT.done;
}
