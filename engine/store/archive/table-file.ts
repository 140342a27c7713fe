import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import type pg from "pg";

/** One table of one month in a file: a JSON document a line, gzipped. */
export interface TableFile {
  readonly table: string;
  readonly file: string;
  readonly rows: number;
  /** Of the file as it stands on the disk. */
  readonly bytes: number;
  readonly sha256: string;
  /** Of the lines. */
  readonly contentSha256: string;
}

/** A row may carry a log tail of 400 KB: so many are in memory at once. */
const FETCH = 200;

/** The rows of the open cursor as JSON: however many there are, few are in memory. */
async function* linesOf(client: pg.ClientBase, onRows: (rows: number) => void): AsyncGenerator<string> {
  for (let rows = 0; ; onRows(rows)) {
    const page = await client.query<{ line: string }>(`FETCH ${FETCH} FROM line`);
    if (page.rows.length === 0) return;
    rows += page.rows.length;
    yield page.rows.map(({ line }) => `${line}\n`).join("");
  }
}

/** Passes bytes on, and tells of each piece. */
const tap = (see: (piece: Buffer) => void): Transform =>
  new Transform({
    transform(piece: Buffer, _encoding, done) {
      see(piece);
      done(null, piece);
    },
  });

/** Counts lines and hashes them, as they are written and as they are read back. */
class Content {
  private readonly hash = createHash("sha256");
  rows = 0;

  see(piece: Buffer): void {
    this.hash.update(piece);
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) this.rows += 1;
  }

  digest(): string {
    return this.hash.digest("hex");
  }
}

/** Writes a table's file under another name first; it has its own name once its bytes are on the disk. */
export async function writeTableFile(
  client: pg.ClientBase,
  { table, query, folder }: { readonly table: string; readonly query: string; readonly folder: string },
  onRows: (rows: number) => void,
): Promise<TableFile> {
  const file = `${table}.jsonl.gz`;
  const [content, whole] = [new Content(), createHash("sha256")];
  let bytes = 0;
  const seeFile = (piece: Buffer): void => {
    whole.update(piece);
    bytes += piece.length;
  };
  const part = join(folder, `${file}.part`);
  await client.query("BEGIN READ ONLY");
  try {
    await client.query(
      `DECLARE line NO SCROLL CURSOR FOR SELECT row_to_json(row)::text AS line FROM (${query}) AS row`,
    );
    await pipeline(
      Readable.from(linesOf(client, onRows), { objectMode: true }),
      tap((piece) => content.see(piece)),
      createGzip(),
      tap(seeFile),
      createWriteStream(part),
    );
  } finally {
    await client.query("ROLLBACK");
  }
  await settle(part, join(folder, file));
  return { table, file, rows: content.rows, bytes, sha256: whole.digest("hex"), contentSha256: content.digest() };
}

/** Reads a file back, and answers what is wrong with it; null: it is what was written. */
export async function damageOf(folder: string, expected: TableFile): Promise<string | null> {
  const [content, whole] = [new Content(), createHash("sha256")];
  try {
    await pipeline(
      createReadStream(join(folder, expected.file)),
      tap((piece) => void whole.update(piece)),
      createGunzip(),
      new Writable({
        write(piece: Buffer, _encoding, done) {
          content.see(piece);
          done();
        },
      }),
    );
  } catch (error) {
    return `${expected.file}: ${(error as Error).message}`;
  }
  if (content.rows !== expected.rows) return `${expected.file} has ${content.rows} rows, not ${expected.rows}`;
  const isWhole = whole.digest("hex") === expected.sha256 && content.digest() === expected.contentSha256;
  return isWhole ? null : `${expected.file} is not what was written`;
}

/** Gives a file its name once its bytes are on the disk, and the name with them. */
export async function settle(part: string, path: string): Promise<void> {
  await sync(part);
  await rename(part, path);
  await sync(dirname(path));
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Windows has no such thing for folders.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  } finally {
    await handle.close();
  }
}
