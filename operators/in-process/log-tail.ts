import { StringDecoder } from "node:string_decoder";
import { cleanText } from "../../engine/core/clean-text.ts";

const LINE_MAX = 2_000;
const LINES_MAX = 200;

/** The last lines of what some work says, however much it says. */
export class LogTail {
  private readonly kept: string[] = [];

  add(line: string): void {
    this.kept.push(cleanText(line, LINE_MAX));
    if (this.kept.length > LINES_MAX) this.kept.shift();
  }

  /** The last `most` lines, oldest first. */
  lines(most: number): string[] {
    return most <= 0 ? [] : this.kept.slice(-most);
  }
}

/** Cuts a stream of bytes into lines; a line without end is handed on in pieces. */
export class LineSplitter {
  private readonly decoder = new StringDecoder("utf8");
  private rest = "";
  private readonly onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  write(bytes: Buffer): void {
    const lines = (this.rest + this.decoder.write(bytes)).split("\n");
    this.rest = lines.pop() ?? "";
    // A burst of more lines than are kept: the first of them would fall out again.
    for (const line of lines.slice(-LINES_MAX)) this.onLine(line.replace(/\r$/, ""));
    if (this.rest.length <= LINE_MAX) return;
    this.onLine(this.rest);
    this.rest = "";
  }

  end(): void {
    const rest = this.rest + this.decoder.end();
    this.rest = "";
    if (rest !== "") this.onLine(rest);
  }
}
