import { mkdir, open, readFile, rename, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { Journal } from "./contract.ts";

/** A Journal that can be closed, once what was put is on disk. */
export interface OpenJournal extends Journal {
  close(): Promise<void>;
}

interface Line {
  readonly kind: string;
  readonly id: string;
  /** null removes the document. */
  readonly document: unknown;
}

/** Lines beyond this many, of which most are outdated, are rewritten while running too. */
const COMPACT_AFTER = 50_000;

/**
 * Opens the journal at `path`: replays it, drops a line torn by a kill, and rewrites it with one line per living document.
 * All lines put while one write is on its way to the disk share the next one and its fsync.
 */
export async function openJournal(path: string): Promise<OpenJournal> {
  await mkdir(dirname(path), { recursive: true });
  const kinds = await replay(path);
  return new FileJournal(path, kinds, await compact(path, kinds));
}

type Kinds = Map<string, Map<string, unknown>>;

class FileJournal implements OpenJournal {
  readonly #path: string;
  readonly #kinds: Kinds;
  #file: Compacted;
  #pending: string[] = [];
  #writing: Promise<void> | null = null;
  /** How many lines were put, and how many of them are on disk. */
  #put = 0;
  #durable = 0;

  constructor(path: string, kinds: Kinds, file: Compacted) {
    this.#path = path;
    this.#kinds = kinds;
    this.#file = file;
  }

  put(kind: string, id: string, document: unknown): void {
    const line: Line = { kind, id, document };
    this.#pending.push(`${JSON.stringify(line)}\n`);
    this.#put++;
    apply(this.#kinds, line);
    // Whoever awaits flushed() hears of a failed write; the lines stay pending and go out with the next one.
    this.#write().catch(() => undefined);
  }

  all(kind: string): ReadonlyMap<string, unknown> {
    return this.#kinds.get(kind) ?? new Map<string, unknown>();
  }

  async flushed(): Promise<void> {
    const wanted = this.#put;
    while (this.#durable < wanted) await this.#write();
  }

  async close(): Promise<void> {
    await this.flushed().finally(() => this.#file.handle.close());
  }

  /** The write under way, or else a new one: what is put before it reaches the disk travels with it. */
  #write(): Promise<void> {
    this.#writing ??= this.#append().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #append(): Promise<void> {
    // Lets everything that is put in this turn of the event loop into the same write.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      this.#pending = [];
      try {
        await this.#writeLines(lines);
      } catch (error) {
        this.#pending = [...lines, ...this.#pending];
        throw error;
      }
      this.#durable += lines.length;
    }
  }

  async #writeLines(lines: readonly string[]): Promise<void> {
    const { handle, bytes } = this.#file;
    const text = Buffer.from(lines.join(""));
    await writeAll(handle, text, bytes);
    await handle.datasync();
    this.#file = { handle, bytes: bytes + text.length, lines: this.#file.lines + lines.length };
    if (this.#file.lines < COMPACT_AFTER + 2 * living(this.#kinds)) return;
    this.#file = await compact(this.#path, this.#kinds);
    await handle.close();
  }
}

/** Writes at `position`, so that a line half written when the disk was full is written over by the next try. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

interface Compacted {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly lines: number;
}

async function compact(path: string, kinds: Kinds): Promise<Compacted> {
  const handle = await open(`${path}.new`, "w");
  let text = "";
  let lines = 0;
  for (const [kind, documents] of kinds) {
    for (const [id, document] of documents) {
      text += `${JSON.stringify({ kind, id, document })}\n`;
      lines++;
    }
  }
  const bytes = Buffer.from(text);
  await writeAll(handle, bytes, 0);
  await handle.sync();
  await rename(`${path}.new`, path);
  return { handle, bytes: bytes.length, lines };
}

async function replay(path: string): Promise<Kinds> {
  const kinds: Kinds = new Map();
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  for (const line of text.split("\n")) {
    const parsed = parseLine(line);
    // A line that does not parse was never acknowledged: its write was cut off by a kill or a full disk.
    if (parsed !== null) apply(kinds, parsed);
  }
  return kinds;
}

function parseLine(line: string): Line | null {
  try {
    const parsed: unknown = JSON.parse(line);
    const whole = typeof parsed === "object" && parsed !== null && "kind" in parsed && "id" in parsed;
    return whole ? (parsed as Line) : null;
  } catch {
    return null;
  }
}

function apply(kinds: Kinds, line: Line): void {
  const documents = kinds.get(line.kind) ?? new Map<string, unknown>();
  kinds.set(line.kind, documents);
  if (line.document === null || line.document === undefined) documents.delete(line.id);
  else documents.set(line.id, line.document);
}

function living(kinds: Kinds): number {
  let sum = 0;
  for (const documents of kinds.values()) sum += documents.size;
  return sum;
}
