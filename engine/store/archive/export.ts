import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type pg from "pg";
import { NocturneError } from "../../core/errors.ts";
import { partitionedTables, type Month, type MonthExport } from "./months.ts";
import { damageOf, settle, writeTableFile, type TableFile } from "./table-file.ts";

/** What a month's folder says of itself: written last, so that a folder without it is no export. */
export interface Manifest {
  readonly format: "nocturne-archive-1";
  readonly installationId: string;
  readonly fleet: string;
  readonly month: string;
  /** Run ids from, and up to but without. */
  readonly fromId: string;
  readonly toId: string;
  /** The last migration: what the columns mean. */
  readonly schemaVersion: string;
  readonly writtenAt: string;
  readonly tables: readonly TableFile[];
}

/** How far an export is. */
export interface ExportProgress {
  readonly month: string;
  readonly table: string;
  readonly rows: number;
}

/** Where the months of a fleet are put. */
export interface ArchivePlace {
  readonly folder: string;
  readonly fleet: string;
}

const MANIFEST = "manifest.json";

export const monthFolder = ({ folder, fleet }: ArchivePlace, { month }: Month): string => join(folder, fleet, month);

/**
 * Exports a closing month and reads it back, or finds that it was exported before. Throws ARCHIVE_FOLDER when the folder is
 * another installation's, ARCHIVE_DAMAGED when what was read is not what was written.
 */
export async function exportMonth(
  client: pg.ClientBase,
  month: Month,
  place: ArchivePlace,
  onProgress: (progress: ExportProgress) => void,
): Promise<MonthExport> {
  const folder = monthFolder(place, month);
  const origin = await originOf(client);
  const found = await readManifest(folder);
  if (found !== null && (found.installationId !== origin.installationId || found.fromId !== month.fromId)) {
    const message = `${folder} holds an archive of another installation or month`;
    throw new NocturneError({ code: "ARCHIVE_FOLDER", message });
  }
  if (found !== null && (await hasAllRows(client, found)) && (await damagesOf(folder, found)) === null) {
    return summaryOf(folder, found);
  }
  await mkdir(folder, { recursive: true });
  const tables: TableFile[] = [];
  for (const { table, query } of await queriesOf(client, month)) {
    const onRows = (rows: number): void => onProgress({ month: month.month, table, rows });
    tables.push(await writeTableFile(client, { table, query, folder }, onRows));
  }
  const manifest: Manifest = {
    format: "nocturne-archive-1",
    ...origin,
    fleet: place.fleet,
    month: month.month,
    fromId: month.fromId,
    toId: month.toId,
    writtenAt: new Date().toISOString(),
    tables,
  };
  await writeFile(join(folder, `${MANIFEST}.part`), `${JSON.stringify(manifest, null, 2)}\n`);
  await settle(join(folder, `${MANIFEST}.part`), join(folder, MANIFEST));
  const damage = await damagesOf(folder, manifest);
  if (damage !== null) throw damaged(folder, damage);
  return summaryOf(folder, manifest);
}

/** Whether an export still stands where it was put, whole. */
export async function isExportWhole(folder: string): Promise<boolean> {
  const manifest = await readManifest(folder);
  return manifest !== null && (await damagesOf(folder, manifest)) === null;
}

export const damaged = (folder: string, what: string): NocturneError =>
  new NocturneError({ code: "ARCHIVE_DAMAGED", message: `the export in ${folder} cannot be read back: ${what}` });

async function originOf(client: pg.ClientBase): Promise<Pick<Manifest, "installationId" | "schemaVersion">> {
  const { rows } = await client.query<{ installationId: string; schemaVersion: string }>(
    `SELECT installation_id AS "installationId", (SELECT max(name) FROM kysely_migration) AS "schemaVersion"
     FROM installation`,
  );
  const [origin] = rows;
  if (!origin) throw new Error("the installation's row is gone");
  return origin;
}

async function readManifest(folder: string): Promise<Manifest | null> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), "utf8")) as Manifest;
    return manifest.format === "nocturne-archive-1" ? manifest : null;
  } catch (error) {
    // What is no document is written anew.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

async function damagesOf(folder: string, manifest: Manifest): Promise<string | null> {
  for (const table of manifest.tables) {
    const damage = await damageOf(folder, table);
    if (damage !== null) return damage;
  }
  return null;
}

/** Whether the files have as many rows as the closing tables: they were made when the month had closed. */
async function hasAllRows(client: pg.ClientBase, { tables, month }: Manifest): Promise<boolean> {
  for (const name of await partitionedTables(client)) {
    const count = `SELECT count(*)::float8 AS rows FROM "${name}_${month}"`;
    const { rows } = await client.query<{ rows: number }>(count);
    if (tables.find(({ table }) => table === name)?.rows !== rows[0]?.rows) return false;
  }
  return true;
}

/** Every table of the month, then what its rows name: an archive is read without the database it came from. */
async function queriesOf(client: pg.ClientBase, { month }: Month) {
  const tables = await partitionedTables(client);
  const own: { readonly table: string; readonly query: string }[] = [];
  for (const table of tables) {
    own.push({ table, query: `SELECT * FROM "${table}_${month}" ORDER BY ${await keyOf(client, table)}` });
  }
  const runs = `"dag_run_${month}"`;
  const named = [
    ["frozen_params", `hash IN (SELECT params_hash FROM "attempt_${month}") ORDER BY hash`],
    ["dag_task", `dag_id IN (SELECT dag_id FROM ${runs}) ORDER BY dag_id, task_no`],
    ["dag_version", `version_id IN (SELECT version_id FROM ${runs}) ORDER BY dag_id, version_number`],
  ].map(([table = "", which]) => ({ table, query: `SELECT * FROM ${table} WHERE ${which}` }));
  return [...own, ...named];
}

async function keyOf(client: pg.ClientBase, table: string): Promise<string> {
  const { rows } = await client.query<{ key: string }>(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY place) AS key
     FROM pg_index CROSS JOIN unnest(indkey::int[]) WITH ORDINALITY AS key (attnum, place)
     JOIN pg_attribute AS a ON a.attrelid = indrelid AND a.attnum = key.attnum
     WHERE indrelid = $1::regclass AND indisprimary`,
    [table],
  );
  return rows[0]?.key ?? "run_id";
}

function summaryOf(folder: string, { tables }: Manifest): MonthExport {
  const sum = (of: (table: TableFile) => number): number => tables.reduce((total, table) => total + of(table), 0);
  const runs = tables.find(({ table }) => table === "dag_run")?.rows ?? 0;
  return { folder, runs, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) };
}
