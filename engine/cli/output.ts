import pc from "picocolors";

/** Where a command speaks to. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
}

/** What a command says: its result on standard output, everything on the way to it on standard error. */
export interface Output {
  readonly json: boolean;
  readonly colors: ReturnType<typeof pc.createColors>;
  /** Whether a person watches standard error, so that lines may be redrawn. */
  readonly live: boolean;
  /** The terminal's size as it is now. */
  readonly columns: number;
  readonly rows: number;
  /** A line of the result, for people; with --json nothing, for there the document is all there is. */
  print(line?: string): void;
  /** The result for programs: one document. Without --json nothing. */
  document(value: unknown): void;
  /** A line of progress. */
  progress(line: string): void;
  /** Raw text on standard error: what redraws lines. */
  draw(text: string): void;
}

export function createOutput(
  streams: Streams,
  options: { readonly json: boolean; readonly color: boolean; readonly env: NodeJS.ProcessEnv },
): Output {
  const { stdout, stderr } = streams;
  const plain = !options.color || (options.env["NO_COLOR"] ?? "") !== "" || options.env["TERM"] === "dumb";
  return {
    json: options.json,
    colors: pc.createColors(!plain && stdout.isTTY === true && stderr.isTTY === true),
    live: stderr.isTTY === true && options.env["TERM"] !== "dumb",
    // A terminal that does not know its size says 0.
    get columns() {
      return stderr.columns || 100;
    },
    get rows() {
      return stderr.rows || 50;
    },
    print(line = "") {
      if (!options.json) stdout.write(`${line}\n`);
    },
    document(value) {
      if (options.json) stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    progress(line) {
      stderr.write(`${line}\n`);
    },
    draw(text) {
      stderr.write(text);
    },
  };
}
