import { sql } from "kysely";
import { cleanJson, cleanText } from "../core/clean-text.ts";
import type { Problem } from "../core/errors.ts";
import type { Instant, Json } from "../core/json.ts";
import type { Store } from "./open.ts";

/** A DAG file that cannot be read just now. */
export interface ImportError {
  readonly file: string;
  readonly problems: readonly Problem[];
  /** Since when it has had exactly these problems, by Postgres's clock. */
  readonly seenAt: Instant;
}

/**
 * Makes the table say exactly what is wrong with the folder now. `folder` names each file once; one without problems may be
 * left out. One transaction: whoever reads sees the folder before or after.
 */
export async function replaceImportErrors(
  store: Store,
  folder: readonly { readonly file: string; readonly problems: readonly Problem[] }[],
): Promise<void> {
  const rows = folder
    .filter(({ problems }) => problems.length > 0)
    .map(({ file, problems }) => ({
      file: cleanText(file, Infinity),
      problems: JSON.stringify(cleanJson(problems as unknown as Json)),
    }))
    // Two watchers of one folder lock the rows in the same order.
    .sort((one, other) => (one.file < other.file ? -1 : 1));
  await store.db.transaction().execute(async (db) => {
    const files = rows.map(({ file }) => file);
    await db
      .deleteFrom("import_error")
      .where(sql<boolean>`file <> ALL (${files}::text[])`)
      .execute();
    if (rows.length === 0) return;
    await db
      .insertInto("import_error")
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .column("file")
          .doUpdateSet({ problems: (row) => row.ref("excluded.problems"), seen_at: sql`clock_timestamp()` })
          .where(sql<boolean>`import_error.problems IS DISTINCT FROM excluded.problems`),
      )
      .execute();
  });
}

/** The files that cannot be read, by name. */
export async function importErrors(store: Store): Promise<ImportError[]> {
  const rows = await store.db.selectFrom("import_error").selectAll().orderBy("file").execute();
  return rows.map((row) => ({ file: row.file, problems: row.problems, seenAt: row.seen_at }));
}
