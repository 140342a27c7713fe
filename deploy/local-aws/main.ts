import { parseArgs } from "node:util";
import { StartRefused } from "./start-refused.ts";
import type { LocalAwsOptions } from "./server.ts";

const USAGE =
  "usage: local-aws --home DIR [--port 0] [--threads N] [--time-scale N] [--time-from ISO] [--bucket NAME]...";

/** Beyond it a look at a job takes longer than the job. */
const MOST_FACTOR = 100_000;

// Whoever started it may be gone, and its pipes with it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.on("SIGHUP", () => undefined);

try {
  const options = readOptions();
  // The AWS shapes and DuckDB take most of a second to load: not for a wrong option.
  const { startLocalAws } = await import("./server.ts");
  const local = await startLocalAws(options);
  process.stdout.write(`${JSON.stringify({ ready: true, url: local.url, pid: process.pid, id: local.id })}\n`);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void local.stop());
  await local.stopped;
  process.exit(0);
} catch (error) {
  const expected = error instanceof StartRefused;
  process.stderr.write(`${expected ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exit(1);
}

function readOptions(): LocalAwsOptions {
  const { home, port, threads, "time-scale": factor, "time-from": from, bucket } = parse();
  if (home === undefined) throw new StartRefused(USAGE);
  return {
    home,
    buckets: bucket ?? [],
    port: wholeNumber(port ?? "0", "--port", 65_535),
    time: { factor: positive(factor ?? "1", "--time-scale"), from: from === undefined ? null : moment(from) },
    ...(threads === undefined ? {} : { threads: Math.max(1, wholeNumber(threads, "--threads", 1024)) }),
  };
}

function parse() {
  const text = { type: "string" } as const;
  try {
    const bucket = { type: "string", multiple: true } as const;
    return parseArgs({
      options: { home: text, port: text, threads: text, "time-scale": text, "time-from": text, bucket },
    }).values;
  } catch (error) {
    throw new StartRefused(`${(error as Error).message}; ${USAGE}`);
  }
}

function wholeNumber(text: string, name: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most)
    throw new StartRefused(`${name} must be a whole number up to ${most}; ${USAGE}`);
  return value;
}

function positive(text: string, name: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > MOST_FACTOR)
    throw new StartRefused(`${name} must be a number above 0, at most ${MOST_FACTOR}; ${USAGE}`);
  return value;
}

function moment(text: string): number {
  // Without an offset it would mean another moment on another machine.
  const value = /(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(value))
    throw new StartRefused(`--time-from must be a time with its offset, such as 2026-01-31T07:00:00Z; ${USAGE}`);
  return value;
}
