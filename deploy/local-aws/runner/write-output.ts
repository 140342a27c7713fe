import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Location } from "./job-arguments.ts";
import { identifier, literal } from "./quote.ts";

const PART = "part-00000.parquet";

export interface Written {
  readonly name: string;
  readonly location: Location;
  readonly temporary: string;
  readonly rows: number;
}

/** Writes a view to `folder`, where nobody reads; publish() puts it in its place. */
export async function writeOutput(
  connection: DuckDBConnection,
  name: string,
  location: Location,
  folder: string,
): Promise<Written> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `${randomUUID()}.parquet`);
  const result = await connection.runAndReadAll(
    `COPY (SELECT * FROM ${identifier(name)}) TO ${literal(temporary)} (FORMAT parquet)`,
  );
  return { name, location, temporary, rows: Number(result.getRows()[0]![0]) };
}

/** The prefix holds this output and nothing else: a reader sees the old file or the new one, then no leftovers. */
export async function publish(written: Written): Promise<void> {
  const folder = written.location.path;
  await mkdir(folder, { recursive: true });
  await rename(written.temporary, join(folder, PART));
  const leftovers = (await readdir(folder)).filter((entry) => entry !== PART);
  await Promise.all(leftovers.map((entry) => rm(join(folder, entry), { recursive: true, force: true })));
}
