import { backfillPage } from "../../store/read-models/backfills.ts";
import { backfillRow, stateWord } from "../backfill/show.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

interface ListOptions {
  readonly dag?: string;
  readonly limit: number;
}

/** `backfill list`: the newest backfills first. */
export async function backfillList(session: Session, _args: readonly string[], options: ListOptions): Promise<number> {
  const { out } = session;
  const { dag, limit } = options;
  const { rows } = await withStore(session, await session.config(), (store) =>
    backfillPage(store, { visible: ["*"], dagId: dag, limit, offset: 0, orderBy: [] }),
  );
  const titles = ["ID", "DAG", "FROM", "TO", "STATE", "MADE", "ENDED"].map((title) => ({ title }));
  const cells = rows.map((row) => [
    String(row.number),
    row.dagId,
    row.fromDate,
    row.toDate,
    stateWord(row),
    timeText(row.createdAt),
    timeText(row.completedAt),
  ]);
  if (rows.length === 0) out.print("There are no such backfills.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({ backfills: rows.map(backfillRow) });
  return EXIT.done;
}
