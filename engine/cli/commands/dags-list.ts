import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Config } from "../../config.ts";
import type { DagSpec } from "../../core/dag.ts";
import { NocturneError } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import { dagPage, type DagRow } from "../../store/read-models/dag-list.ts";
import { EXIT } from "../exit-codes.ts";
import { readDags } from "../read-dags.ts";
import { problemsOf } from "../report-error.ts";
import { comingRuns } from "../schedule/coming-runs.ts";
import { warn, withStore, type Session } from "../session.ts";
import { counted, isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

const MOST_DAGS = 100_000;

/** `dags list`: how they stand as the database has it when there is one, else as their files say; the sound DAGs of the folder; broken files are counted. */
export async function dagsList(session: Session): Promise<number> {
  const { out, cwd } = session;
  const config = await session.config();
  const { dags, problems } = await readDags(session, config);
  const stored = await storedDags(session, config);
  if (dags.length === 0 && problems.length > 0) throw new NocturneError(problems);
  const rows = dags.map(({ spec, source }) => ({
    dag_id: spec.dagId,
    schedule: spec.schedule === null ? null : spec.schedule.cron.join(" | "),
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
  if (stored !== undefined && !stored.isStale) return stored.nextDueAt;
  return comingRuns(spec, Date.now(), 1)[0]?.runAfterAt ?? null;
}

/** Empty where there is no database yet: listing files makes none. One that is away is said, and the files are listed. */
async function storedDags(session: Session, config: Config): Promise<Map<string, DagRow>> {
  const places = ["postgres", "postgres.json"].map((name) => join(config.home, name));
  if (config.databaseUrl === null && !places.some((place) => existsSync(place))) return new Map();
  try {
    const { rows } = await withStore(session, config, (store) =>
      dagPage(store, { visible: ["*"], withStale: true, limit: MOST_DAGS, offset: 0, orderBy: [] }),
    );
    return new Map(rows.map((row) => [row.dagId, row]));
  } catch (error) {
    session.interrupted.throwIfAborted();
    for (const problem of problemsOf(error)) warn(session, problem);
    return new Map();
  }
}
