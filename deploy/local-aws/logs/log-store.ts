import { appendFile, mkdir, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../contract.ts";

export interface LogEvent {
  readonly timestamp: number;
  readonly message: string;
}

const MOST_BYTES = 4 * 1024 * 1024;
const LINE_BYTES = 16 * 1024;

/** Log groups and streams as folders and files of JSON lines. A stream takes 4 MB, then says so and takes no more. */
export class LogStore {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #pending = new Map<string, string>();
  readonly #sizes = new Map<string, number>();
  #writing: Promise<void> | null = null;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  append(group: string, stream: string, line: string): void {
    const path = this.#path(group, stream);
    const size = this.#sizes.get(path) ?? 0;
    if (size > MOST_BYTES) return;
    const event = (message: string) => `${JSON.stringify({ timestamp: this.#clock.now(), message })}\n`;
    let text = event(line.slice(0, LINE_BYTES));
    if (size + text.length > MOST_BYTES)
      text += event("LocalRunner: the log is longer than 4 MB; the rest is not kept");
    this.#sizes.set(path, size + text.length);
    this.#pending.set(path, (this.#pending.get(path) ?? "") + text);
    void this.flushed();
  }

  /** The events of a stream, oldest first; null when there is no such stream. */
  async read(group: string, stream: string): Promise<readonly LogEvent[] | null> {
    await this.flushed();
    const text = await readFile(this.#path(group, stream), "utf8").catch(() => null);
    return text === null ? null : text.split("\n").flatMap(parseEvent);
  }

  async streams(
    group: string,
  ): Promise<
    readonly { readonly name: string; readonly createdMs: number; readonly lastMs: number; readonly bytes: number }[]
  > {
    await this.flushed();
    const folder = join(this.#folder, encodeURIComponent(group));
    const names = await readdir(folder).catch(() => []);
    return Promise.all(
      names.sort().map(async (file) => {
        const { birthtimeMs, mtimeMs, size } = await stat(join(folder, file));
        const name = decodeURIComponent(file);
        return { name, createdMs: this.#clock.at(birthtimeMs), lastMs: this.#clock.at(mtimeMs), bytes: size };
      }),
    );
  }

  async groups(): Promise<readonly string[]> {
    await this.flushed();
    const names = await readdir(this.#folder).catch(() => []);
    return names.map((name) => decodeURIComponent(name)).sort();
  }

  /** Resolves when all lines are in their files, or could not be: a full disk costs log lines, not jobs. */
  flushed(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = null));
    return this.#writing;
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    while (this.#pending.size > 0) {
      const batch = [...this.#pending];
      this.#pending.clear();
      for (const [path, text] of batch) {
        await mkdir(join(path, ".."), { recursive: true }).catch(() => undefined);
        await appendFile(path, text).catch((error: Error) =>
          process.stderr.write(`local-aws: log: ${error.message}\n`),
        );
      }
    }
  }

  #path(group: string, stream: string): string {
    return join(this.#folder, encodeURIComponent(group), encodeURIComponent(stream).replace(/^\.+$/, "_"));
  }
}

function parseEvent(line: string): readonly LogEvent[] {
  try {
    return [JSON.parse(line) as LogEvent];
  } catch {
    // The empty end of the file, or a line cut off by a kill.
    return [];
  }
}
