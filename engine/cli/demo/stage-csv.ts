import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse";
import { NocturneError, type ErrorCode } from "../../core/errors.ts";
import type { ColumnMap, Field } from "./column-map.ts";
import { nearest } from "../../core/similar.ts";
import { csvLine, dayFiles, days, storesFile, type RawFile } from "./raw-file.ts";

export interface StageCsvOptions {
  /** CSV with a header line; gzip is seen by its content. */
  readonly file: string;
  readonly columns: ColumnMap;
  /** First and last day, as 2023-01-31. Lines sold on other days are left out. */
  readonly from: string;
  readonly to: string;
}

/**
 * Someone's own CSV as the pipeline's daily raw files, one per day of sold_at. A line whose day cannot be read goes to
 * the first day, where it is rejected and counted. Throws CSV_COLUMN_MISSING, CSV_EMPTY or CSV_INVALID before any file.
 */
export async function* stageCsv(options: StageCsvOptions): AsyncIterable<RawFile> {
  const { file, columns, from, to } = options;
  const range = days(from, (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1);
  const byDay = new Map<string, string[]>(range.map((day) => [day, []]));
  const stores = new Set<string>();
  const seen: { first?: string; last?: string; unread?: { line: number; soldAt: string } } = {};
  let lines = 0;
  for await (const { fields, line } of readFields(file, columns)) {
    lines += 1;
    const soldAt = fields.get("sold_at")!;
    const day = /^\s*(\d{4}-\d{2}-\d{2})/.exec(soldAt)?.[1];
    if (day === undefined) seen.unread ??= { line, soldAt };
    else {
      if (seen.first === undefined || day < seen.first) seen.first = day;
      if (seen.last === undefined || day > seen.last) seen.last = day;
    }
    const bucket = byDay.get(day ?? from);
    if (!bucket) continue;
    bucket.push(csvLine([...fields.values()]));
    stores.add(fields.get("store_id")!.trim());
  }
  if (lines === 0) throw csvError("CSV_EMPTY", `${file} holds no lines`);
  if (seen.first === undefined) {
    const { line, soldAt } = seen.unread!;
    throw csvError(
      "CSV_INVALID",
      `${file}, line ${line}: sold_at is "${soldAt}", not a date and time like 2026-01-31 17:05:00`,
    );
  }
  if (seen.last! < from || seen.first > to) {
    throw csvError(
      "CSV_EMPTY",
      `${file} holds no line from ${from} to ${to}: its days are ${seen.first} to ${seen.last}`,
    );
  }
  stores.delete("");
  yield storesFile([...stores].toSorted().map((store) => [store, ""]));
  for (const [day, dayLines] of byDay) yield* dayFiles(day, [...columns.keys()], dayLines);
}

/** Reads as far as the first line after the header, so that a file that is none is told before anything is set up. */
export async function checkCsv({ file, columns }: Pick<StageCsvOptions, "file" | "columns">): Promise<void> {
  for await (const _ of readFields(file, columns)) return;
  throw csvError("CSV_EMPTY", `${file} holds no lines`);
}

async function* readFields(
  file: string,
  columns: ColumnMap,
): AsyncIterable<{ readonly fields: ReadonlyMap<Field, string>; readonly line: number }> {
  const parser = parse({ bom: true, relax_column_count: true, skip_empty_lines: true, info: true });
  const gzip = await isGzip(file);
  const bytes = createReadStream(file);
  // What goes wrong on the way destroys the parser with it, and its iteration below throws.
  const arrived = () => undefined;
  if (gzip) pipeline(bytes, createGunzip(), parser, arrived);
  else pipeline(bytes, parser, arrived);
  let places: [Field, number[]][] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!places) {
        places = findColumns(file, record, columns);
        continue;
      }
      const fields = new Map(
        places.map(([field, at]) => [field, at.map((index) => record[index] ?? "").join(" ")] as const),
      );
      yield { fields, line: info.lines };
    }
  } catch (error) {
    if (error instanceof CsvError) throw csvError("CSV_INVALID", `${file}: ${error.message}`, error);
    if (/^Z_/.test((error as NodeJS.ErrnoException).code ?? "")) {
      throw csvError("CSV_INVALID", `${file} is a damaged gzip file: ${(error as Error).message}`, error);
    }
    throw error;
  }
}

function findColumns(file: string, header: readonly string[], columns: ColumnMap): [Field, number[]][] {
  const names = header.map((name) => name.trim());
  const missing = [...columns.values()].flat().filter((name) => !names.includes(name));
  if (missing.length > 0) {
    throw new NocturneError(
      missing.map((name) => {
        const didYouMean = nearest(name, names);
        const known = didYouMean === undefined ? `; its columns are ${names.join(", ")}` : "";
        const message = `${file} has no column ${name}${known}`;
        return { code: "CSV_COLUMN_MISSING", message, ...(didYouMean === undefined ? {} : { didYouMean }) };
      }),
    );
  }
  return [...columns].map(([field, list]) => [field, list.map((name) => names.indexOf(name))]);
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw csvError("USAGE", error.code === "ENOENT" ? `${file}: no such file` : `${file}: ${error.message}`, error);
  });
  try {
    if ((await handle.stat()).isDirectory()) throw csvError("USAGE", `${file} is a folder, not a file`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function csvError(code: ErrorCode, message: string, cause?: unknown): NocturneError {
  return new NocturneError({ code, message }, cause === undefined ? undefined : { cause });
}
