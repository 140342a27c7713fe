import { relative } from "node:path";
import type { DagSpec } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import { plannedAt } from "../../core/schedule/runs.ts";
import { scheduleText } from "../../core/schedule/schedule-text.ts";
import type { DagRow } from "../../store/read-models/dag-list.ts";
import { EXIT } from "../exit-codes.ts";
import { readDags } from "../read-dags.ts";
import { comingRuns } from "../schedule/coming-runs.ts";
import { storedDags } from "../schedule/stored-dags.ts";
import type { Session } from "../session.ts";
import { counted, isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `dags list`: how they stand as the database has it when there is one, else as their files say; the sound DAGs of the folder; broken files are counted. */
export async function dagsList(session: Session): Promise<number> {
  const { out, cwd } = session;
  const config = await session.config();
  const { dags, problems } = await readDags(session, config);
  const stored = await storedDags(session, config);
  if (dags.length === 0 && problems.length > 0) throw new NocturneError(problems);
  const rows = dags.map(({ spec, source }) => ({
    dag_id: spec.dagId,
    schedule: spec.schedule === null ? null : scheduleText(spec.schedule),
    timezone: spec.timezone,
    tasks: spec.tasks.length,
    paused: stored.get(spec.dagId)?.isPaused ?? spec.paused,
    next_due_at: isoOrNull(nextDue(spec, stored.get(spec.dagId))),
    file: relative(cwd, source.file),
  }));
  const columns = [
    { title: "DAG" },
    { title: "SCHEDULE" },
    { title: "ZONE" },
    { title: "TASKS", side: "right" as const },
    { title: "STATE" },
    { title: "NEXT DUE" },
    { title: "FILE" },
  ];
  const cells = rows.map((row) => [
    row.dag_id,
    row.schedule ?? "none",
    row.timezone,
    String(row.tasks),
    row.paused ? "paused" : "active",
    row.next_due_at === null ? "" : timeText(Date.parse(row.next_due_at)),
    row.file,
  ]);
  for (const line of table(columns, cells)) out.print(line);
  if (problems.length > 0) {
    out.progress(`${counted(problems.length, "problem")} in other files: nocturne dags check shows them`);
  }
  out.document({ dags: rows, problems: problems.length });
  return EXIT.done;
}

/** As the running system has planned it; before it has, by the file and the wall's clock. */
function nextDue(spec: DagSpec, stored: DagRow | undefined): Instant | null {
  if (stored !== undefined && !stored.isStale) {
    return stored.nextDueAt === null ? null : plannedAt(stored.spec, stored.nextDueAt).runAfterAt;
  }
  return comingRuns(spec, Date.now(), 1)[0]?.runAfterAt ?? null;
}
