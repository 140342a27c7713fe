import type { Json } from "../../engine/core/json.ts";
import { OUTPUT_MAX } from "../in-process/output.ts";

const NEWLINE = 10;

/** Remembers the last line of a stream that is not blank, as far as it can be an output. */
export class LastLine {
  private chunks: Buffer[] = [];
  private size = 0;
  /** The last whole line; null: none, or only blank ones. */
  private whole: { readonly text: string } | "too long" | null = null;

  write(bytes: Buffer): void {
    const first = bytes.indexOf(NEWLINE);
    if (first < 0) {
      this.add(bytes);
      return;
    }
    this.add(bytes.subarray(0, first));
    this.endLine();
    // Of the lines that lie wholly in here only the last that is not blank matters: looked for from the end.
    const last = bytes.lastIndexOf(NEWLINE);
    for (let end = last; end > first;) {
      const begin = bytes.lastIndexOf(NEWLINE, end - 1) + 1;
      this.add(bytes.subarray(begin, end));
      if (this.endLine()) break;
      end = begin - 1;
    }
    this.add(bytes.subarray(last + 1));
  }

  /** The value that the last line is in JSON; "too long" when it begins like a document and is larger than an output; null: it is no JSON. */
  value(): { readonly json: Json } | "too long" | null {
    this.endLine();
    if (this.whole === null || this.whole === "too long") return this.whole;
    try {
      return { json: JSON.parse(this.whole.text) as Json };
    } catch {
      return null;
    }
  }

  private add(bytes: Buffer): void {
    this.size += bytes.length;
    if (this.size <= OUTPUT_MAX && bytes.length > 0) this.chunks.push(Buffer.from(bytes));
    // Its beginning says whether it was meant as a document; the rest of it is of no use.
    else if (this.size > OUTPUT_MAX && this.chunks.length === 0) this.chunks.push(Buffer.from(bytes.subarray(0, 1)));
  }

  /** Whether it was not blank. */
  private endLine(): boolean {
    const text = Buffer.concat(this.chunks).toString("utf8").trim();
    const isLong = this.size > OUTPUT_MAX;
    this.chunks = [];
    this.size = 0;
    if (text === "") return false;
    if (!isLong) this.whole = { text };
    else this.whole = /^[[{"]/.test(text) ? "too long" : null;
    return true;
  }
}
