import { relative } from "node:path";
import { NocturneError } from "../../core/errors.ts";
import { EXIT } from "../exit-codes.ts";
import { readDags } from "../read-dags.ts";
import type { Session } from "../session.ts";
import { counted } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `dags list`: the sound DAGs of the folder; broken files are counted. */
export async function dagsList(session: Session): Promise<number> {
  const { out, cwd } = session;
  const { dags, problems } = await readDags(session, await session.config());
  if (dags.length === 0 && problems.length > 0) throw new NocturneError(problems);
  const rows = dags.map(({ spec, source }) => ({
    dag_id: spec.dagId,
    schedule: spec.schedule === null ? null : spec.schedule.cron.join(" | "),
    timezone: spec.timezone,
    tasks: spec.tasks.length,
    paused: spec.paused,
    file: relative(cwd, source.file),
  }));
  const columns = [
    { title: "DAG" },
    { title: "SCHEDULE" },
    { title: "ZONE" },
    { title: "TASKS", side: "right" as const },
    { title: "STATE" },
    { title: "FILE" },
  ];
  const cells = rows.map((row) => [
    row.dag_id,
    row.schedule ?? "none",
    row.timezone,
    String(row.tasks),
    row.paused ? "paused" : "active",
    row.file,
  ]);
  for (const line of table(columns, cells)) out.print(line);
  if (problems.length > 0) {
    out.progress(`${counted(problems.length, "problem")} in other files: nocturne dags check shows them`);
  }
  out.document({ dags: rows, problems: problems.length });
  return EXIT.done;
}
