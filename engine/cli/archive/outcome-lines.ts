import type { MonthOutcome } from "../../store/archive/archive.ts";
import { counted, groupDigits, timeText } from "../text/figures.ts";

/** "2026-01", as people write the month 2026_01. */
export const monthText = (month: string): string => month.replace("_", "-");

/** "1.2 MB": a size for people. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [unit, size] = bytes < 1_000_000 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : (["GB", 1e9] as const);
  return `${(bytes / Number(size)).toFixed(1)} ${unit}`;
}

/** What became of each month, for people. */
export function outcomeLines(outcomes: readonly MonthOutcome[], cutoff: number): string[] {
  if (outcomes.length === 0) return [`No month of runs ended before ${timeText(cutoff)}: nothing to archive.`];
  return outcomes.flatMap((outcome) => {
    const month = monthText(outcome.month);
    switch (outcome.kind) {
      case "gone": {
        const { runs, rows, bytes, folder } = outcome.export;
        return [`${month}  ${many(runs, "run")} in ${many(rows, "row")}, ${sizeText(bytes)}, are in ${folder}`];
      }
      case "would_leave":
        return [`${month}  ${many(outcome.runs, "run")} would leave`];
      case "stays":
        return [
          `${month}  stays, for these are not done with:`,
          ...outcome.busy.map(({ dagId, dagRunId, why }) => `  ${dagId}  ${dagRunId}: ${why}`),
        ];
    }
  });
}

const many = (count: number, noun: string): string => counted(count, noun).replace(/^\d+/, groupDigits);

/** The same for programs. */
export function outcomesDocument(outcomes: readonly MonthOutcome[], cutoff: number): object {
  return {
    ok: outcomes.every(({ kind }) => kind !== "stays"),
    before: new Date(cutoff).toISOString(),
    months: outcomes.map((outcome) => ({
      month: monthText(outcome.month),
      outcome: outcome.kind,
      ...(outcome.kind === "gone" ? outcome.export : {}),
      ...(outcome.kind === "would_leave" ? { runs: outcome.runs } : {}),
      ...(outcome.kind === "stays"
        ? { busy: outcome.busy.map(({ dagId, dagRunId, why }) => ({ dag_id: dagId, dag_run_id: dagRunId, why })) }
        : {}),
    })),
  };
}

/** A line a second, and one for each table it begins. */
const LINE_MS = 1_000;

/** Tells how far an export is, without pouring out a line for each few rows. */
export function progressLines(tell: (line: string) => void) {
  let table = "";
  let toldAt = -Infinity;
  return (progress: { readonly month: string; readonly table: string; readonly rows: number }): void => {
    const now = performance.now();
    if (progress.table === table && now - toldAt < LINE_MS) return;
    table = progress.table;
    toldAt = now;
    tell(`${monthText(progress.month)}  ${progress.table}: ${groupDigits(String(progress.rows))} rows`);
  };
}
