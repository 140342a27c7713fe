import { monthsOfRuns, type MonthOfRuns } from "../../store/read-models/partitions.ts";
import { monthText, sizeText } from "../archive/outcome-lines.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { groupDigits } from "../text/figures.ts";
import { table, type Column } from "../text/table.ts";

const TITLES: readonly Column[] = [
  { title: "MONTH" },
  { title: "STATE" },
  { title: "RUNS (ABOUT)", side: "right" },
  { title: "SIZE", side: "right" },
  { title: "EXPORTED TO" },
];

/** `db check`: whether the database is as Nocturne needs it, and how much of it each month of runs takes. */
export async function dbCheck(session: Session): Promise<number> {
  const { out } = session;
  const config = await session.config();
  // Opening it has told what it lacks, and brought its tables up to date.
  const months = await withStore(session, config, (store) => monthsOfRuns(store));
  out.print(`The schema ${config.fleet} is up to date with Nocturne ${session.app.version}.`);
  out.print();
  const rows = months.map((month) => [
    monthText(month.month),
    month.state,
    month.runs === null ? "" : groupDigits(String(month.runs)),
    month.state === "gone" ? "" : sizeText(month.bytes),
    month.folder ?? "",
  ]);
  for (const line of table(TITLES, rows)) out.print(line);
  out.document({ ok: true, fleet: config.fleet, version: session.app.version, months: months.map(monthDocument) });
  return EXIT.done;
}

const monthDocument = ({ month, state, untilAt, runs, bytes, folder }: MonthOfRuns): object => ({
  month: monthText(month),
  state,
  until: untilAt === null ? null : new Date(untilAt).toISOString(),
  runs_estimated: runs,
  bytes,
  exported_to: folder,
});
