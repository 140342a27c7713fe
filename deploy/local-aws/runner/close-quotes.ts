import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/**
 * A copy of a CSV file in which a quote that opens and does not close ends with its line, as Spark reads it; DuckDB would
 * take every line up to the next quote for its value. Answers the copy's path.
 */
export async function closeQuotes(path: string, folder: string): Promise<string> {
  const bytes = await readFile(path);
  const text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  const lines = text.split("\n").map((line) => (isOpen(line) ? `${line.replace(/\r$/, "")}"` : line));
  await mkdir(folder, { recursive: true });
  const copy = join(folder, `${randomUUID()}.csv`);
  await writeFile(copy, lines.join("\n"));
  return copy;
}

/** Whether a value that begins with a quote is still open where the line ends. */
function isOpen(line: string): boolean {
  if (!line.includes('"')) return false;
  let open = false;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] !== '"') continue;
    if (!open) open = at === 0 || line[at - 1] === ",";
    else if (line[at + 1] === '"') at += 1;
    else open = false;
  }
  return open;
}
