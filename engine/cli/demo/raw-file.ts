import { gzipSync } from "node:zlib";

/** An object to put below the bucket. */
export interface RawFile {
  readonly key: string;
  readonly body: Uint8Array;
}

/** One day's lines as the pipeline takes them: the file, then the marker that says it is complete. */
export function* dayFiles(day: string, header: readonly string[], lines: readonly string[]): Iterable<RawFile> {
  const text = `${[header.join(","), ...lines].join("\n")}\n`;
  yield { key: `raw/sales/dt=${day}/sales.csv.gz`, body: gzipSync(text, { level: 1 }) };
  yield { key: `raw/sales/dt=${day}/_SUCCESS`, body: new Uint8Array() };
}

export function storesFile(stores: Iterable<readonly [storeId: string, timezone: string]>): RawFile {
  const lines = [...stores].map((store) => csvLine(store));
  return { key: "raw/stores/stores.csv", body: Buffer.from(`${["store_id,timezone", ...lines].join("\n")}\n`) };
}

/** Values as one CSV line. A line break inside a value becomes a space: the pipeline reads line by line. */
export function csvLine(values: readonly string[]): string {
  return values
    .map((value) => value.replaceAll(/\s*[\r\n]+\s*/g, " "))
    .map((value) => (/[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value))
    .join(",");
}

/** `count` calendar days from `first`, as 2026-01-31. */
export function days(first: string, count: number): string[] {
  const start = Date.parse(`${first}T00:00:00Z`);
  return Array.from({ length: count }, (_, index) => new Date(start + index * 86_400_000).toISOString().slice(0, 10));
}
