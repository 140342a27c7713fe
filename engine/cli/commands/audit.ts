import { NocturneError } from "../../core/errors.ts";
import { parseDuration } from "../../core/duration.ts";
import { auditPage } from "../../store/read-models/audit.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

interface Options {
  readonly dag?: string;
  readonly run?: string;
  readonly since?: string;
  readonly limit: number;
}

/** `audit`: who asked for what, from where, and what became of it; the newest first. */
export async function audit(
  session: Session,
  _: readonly string[],
  { dag, run, since, limit }: Options,
): Promise<number> {
  const { out } = session;
  const at = since === undefined ? undefined : { gte: sinceOf(since) };
  const newest = [{ by: "id", isDescending: true }] as const;
  const filter = { limit, offset: 0, orderBy: newest, visible: ["*"], dagId: dag, run, at };
  const { rows, total } = await withStore(session, await session.config(), (store) => auditPage(store, filter));
  const columns = [
    { title: "WHEN" },
    { title: "WHO" },
    { title: "FROM" },
    { title: "WHAT" },
    { title: "OF" },
    { title: "RESULT" },
  ];
  const lines = rows.map((row) => {
    const of = [row.dagId, row.dagRunId, row.taskId].filter((part) => part !== null).join(" ");
    return [timeText(row.at), row.by, row.from ?? "", row.action, of, row.result];
  });
  for (const line of rows.length === 0 ? ["Nothing yet."] : table(columns, lines)) out.print(line);
  if (total > rows.length) out.print(`${total - rows.length} more; --limit shows them.`);
  out.document({
    entries: rows.map((row) => ({
      id: row.auditNo,
      at: new Date(row.at).toISOString(),
      by: row.by,
      from: row.from,
      action: row.action,
      dag_id: row.dagId,
      run_id: row.runId,
      dag_run_id: row.dagRunId,
      task_id: row.taskId,
      details: row.details,
      result: row.result,
    })),
    total_entries: total,
  });
  return EXIT.done;
}

/** "2h" ago, or a day or an instant. */
function sinceOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return Date.now() - ms;
  const at = Date.parse(text);
  if (!Number.isNaN(at)) return at;
  throw new NocturneError({
    code: "USAGE",
    message: `--since ${text}: expected 2h, 30d, 2026-01-31 or 2026-01-31T05:00:00Z`,
  });
}
