import type { RunState } from "../../core/states.ts";
import { listRuns, type RunSummary } from "../../store/read-models/runs.ts";
import { EXIT } from "../exit-codes.ts";
import { runRow } from "../runs/run-lines.ts";
import { withStore, type Session } from "../session.ts";
import { cents, costText, spanText, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

interface ListOptions {
  readonly dag?: string;
  readonly state?: RunState;
  readonly limit: number;
}

/** `runs list`: the newest runs first. */
export async function runsList(session: Session, _args: readonly string[], options: ListOptions): Promise<number> {
  const { out } = session;
  const { dag, state, limit } = options;
  const runs = await withStore(session, await session.config(), (store) =>
    listRuns(store, {
      ...(dag === undefined ? {} : { dagId: dag }),
      ...(state === undefined ? {} : { states: [state] }),
      limit,
    }),
  );
  const titles = ["RUN", "DAG", "STATE", "STARTED", "TOOK", "COST"].map((title) => ({ title }));
  if (runs.length === 0) out.print("There are no such runs.");
  else for (const line of table(titles, runs.map(cells))) out.print(line);
  out.document({
    runs: runs.map((run) => ({ ...runRow(run), cost: { ...run.cost, amount: cents(run.cost.amount) } })),
  });
  return EXIT.done;
}

function cells({ dagRunId, dagId, state, startedAt, endedAt, cost }: RunSummary): string[] {
  const took = startedAt === null || endedAt === null ? "" : spanText(endedAt - startedAt);
  return [dagRunId, dagId, state, timeText(startedAt), took, costText(cost)];
}
