import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import { NocturneError } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import { openClient } from "../connect.ts";
import type { Store } from "../open.ts";
import { busyRuns, closeMonth, reopenMonth, summarize, type BusyRun } from "./close.ts";
import { damaged, exportMonth, isExportWhole, type ExportProgress } from "./export.ts";
import { forgetOrphanParams, hasBegunToLeave, leave, recordExport } from "./leave.ts";
import { isLockBusy, makeMonthsOfRest, monthsBefore, type Month, type MonthExport } from "./months.ts";

/** Which runs leave, and where to. */
export interface ArchiveWish {
  /** Months whose runs were all made before it. */
  readonly cutoff: Instant;
  /** The folder above all; made when the one above it is there. */
  readonly folder: string;
  /** Only says what would happen. */
  readonly isDryRun: boolean;
  readonly onProgress: (progress: ExportProgress) => void;
  /** Stops between two months. */
  readonly interrupted: AbortSignal;
}

/** What became of one month. */
export type MonthOutcome =
  | { readonly month: string; readonly kind: "gone"; readonly export: MonthExport }
  | { readonly month: string; readonly kind: "would_leave"; readonly runs: number }
  /** Runs in it are active, put aside or owe something. */
  | { readonly month: string; readonly kind: "stays"; readonly busy: readonly BusyRun[] };

/**
 * Moves whole months of ended runs into files and drops their tables: close, sum up, export, read back, detach, drop. Killed
 * anywhere, it goes on with the next call. Throws ARCHIVE_BUSY, ARCHIVE_FOLDER, ARCHIVE_DAMAGED, and ENOSPC as it came.
 */
export async function archiveRuns(store: Store, wish: ArchiveWish): Promise<MonthOutcome[]> {
  if (!wish.isDryRun) await makeUsable(wish.folder);
  const client = await openClient(store.settings, { query_timeout: 0 });
  try {
    await client.query("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0");
    if (wish.isDryRun) return await preview(client, wish);
    // Held by this connection: it is free again the moment we die.
    const { rows } = await client.query<{ ours: boolean }>(
      "SELECT pg_try_advisory_lock(hashtextextended('nocturne.archive.' || current_schema(), 0)) AS ours",
    );
    if (!rows[0]?.ours) throw busy("another process is archiving this fleet");
    await makeMonthsOfRest(store);
    const outcomes: MonthOutcome[] = [];
    for (const month of await monthsBefore(client, wish.cutoff)) {
      if (wish.interrupted.aborted) break;
      outcomes.push(await archiveMonth(client, store, month, wish));
    }
    await forgetOrphanParams(client);
    return outcomes;
  } catch (error) {
    if (!isLockBusy(error)) throw error;
    throw busy(`a table stays in use: ${(error as Error).message}`, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const busy = (message: string, cause?: unknown): NocturneError =>
  new NocturneError({ code: "ARCHIVE_BUSY", message }, { cause });

async function preview(client: pg.ClientBase, { cutoff }: ArchiveWish): Promise<MonthOutcome[]> {
  const outcomes: MonthOutcome[] = [];
  for (const month of await monthsBefore(client, cutoff)) {
    const found = await busyRuns(client, month);
    const count = "SELECT count(*)::float8 AS runs FROM dag_run WHERE run_id >= $1 AND run_id < $2";
    const { rows } = await client.query<{ runs: number }>(count, [month.fromId, month.toId]);
    if (found.length > 0) outcomes.push({ month: month.month, kind: "stays", busy: found });
    else outcomes.push({ month: month.month, kind: "would_leave", runs: rows[0]?.runs ?? 0 });
  }
  return outcomes;
}

async function archiveMonth(
  client: pg.ClientBase,
  store: Store,
  month: Month,
  { folder, onProgress }: ArchiveWish,
): Promise<MonthOutcome> {
  if (month.state === "open") {
    const found = await closeMonth(client, month);
    if (found.length > 0) return { month: month.month, kind: "stays", busy: found };
  }
  const place = { folder, fleet: store.fleet };
  const made = (await stillWhole(client, month)) ?? (await exportOrReopen(client, month, place, onProgress));
  await leave(client, month);
  return { month: month.month, kind: "gone", export: made };
}

/** The export of an earlier call, where it still stands as it was. Once tables have gone, it is all there is of them. */
async function stillWhole(client: pg.ClientBase, month: Month): Promise<MonthExport | null> {
  if (month.export === null) return null;
  if (await isExportWhole(month.export.folder)) return month.export;
  if (await hasBegunToLeave(client, month)) {
    throw damaged(month.export.folder, "put its files back as they were; the tables that are left stay until then");
  }
  return null;
}

async function exportOrReopen(
  client: pg.ClientBase,
  month: Month,
  place: { readonly folder: string; readonly fleet: string },
  onProgress: (progress: ExportProgress) => void,
): Promise<MonthExport> {
  try {
    await summarize(client, month);
    const made = await exportMonth(client, month, place, onProgress);
    await recordExport(client, month, made);
    return made;
  } catch (error) {
    // Its runs can be cleared again until somebody has mended the folder. A database that is away leaves it closing.
    await reopenMonth(client, month).catch(() => undefined);
    throw error;
  }
}

/** Throws ARCHIVE_FOLDER unless this user can write there; a folder that stands nowhere is more likely a disk that is missing. */
async function makeUsable(folder: string): Promise<void> {
  const probe = join(folder, ".nocturne-probe");
  try {
    await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") throw error;
    const why = code === "ENOENT" ? "the folder above it is not there" : message;
    throw new NocturneError(
      { code: "ARCHIVE_FOLDER", message: `${folder} cannot be written: ${why}` },
      { cause: error },
    );
  }
}
