import pg from "pg";
import type { Json, JsonObject } from "../../engine/core/json.ts";
import { OUTPUT_MAX } from "../in-process/output.ts";

/** What a text of statements left behind: the rows of its last one, and how many that one read or changed. */
export interface Result {
  readonly rows: readonly JsonObject[];
  readonly rowCount: number;
  /** The commands in order, as Postgres calls them: "SELECT", "INSERT", "COMMIT". */
  readonly commands: readonly string[];
}

/** A result that no output can hold; the connection was cut so that the rest of it does not arrive. */
export class RowsTooLarge extends Error {}

/**
 * Sends one text. Without `values` it may hold several statements. Rows are taken one by one and counted: a result that
 * nobody meant to be this large must not fill the engine's memory.
 */
export function send(client: pg.Client, text: string, values?: readonly Json[]): Promise<Result> {
  const query = new pg.Query(values === undefined ? { text } : { text, values: [...values] });
  let rows: JsonObject[] = [];
  let bytes = 0;
  let of: unknown = null;
  return new Promise((resolve, reject) => {
    query.on("row", (row: object, result) => {
      if (result !== of) {
        of = result;
        rows = [];
        bytes = 0;
      }
      bytes += Buffer.byteLength(JSON.stringify(row));
      if (bytes <= OUTPUT_MAX) rows.push(row as JsonObject);
      else {
        reject(new RowsTooLarge());
        cut(client);
      }
    });
    query.on("error", reject);
    query.on("end", (results: unknown) => {
      const all = (Array.isArray(results) ? results : [results]) as {
        command: string | null;
        rowCount: number | null;
      }[];
      const last = all.at(-1);
      resolve({
        rows: last === of ? rows : [],
        rowCount: last?.rowCount ?? 0,
        commands: all.map(({ command }) => command ?? ""),
      });
    });
    client.query(query);
  });
}

/** Ends the connection without a word; Postgres undoes the transaction that was open. */
export function cut(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
