import { open } from "node:fs/promises";
import { constants, gunzipSync } from "node:zlib";

const HEAD_BYTES = 64 * 1024;

/** The column names of a CSV file's first line, in lower case; null when the file holds nothing. */
export async function csvHeader(path: string): Promise<string[] | null> {
  const file = await open(path);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    // The head of a gzip file is a cut stream: take what it gives so far.
    const text = path.endsWith(".gz") ? gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }) : head;
    const line = text
      .toString("utf8")
      .replace(/^\uFEFF/, "")
      .split(/\r?\n/, 1)[0]!;
    return line === "" ? null : splitLine(line).map((name) => name.trim().toLowerCase());
  } finally {
    await file.close();
  }
}

/** One CSV line's values: quotes may hold commas, and a doubled quote is one. */
function splitLine(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!,
  );
}
