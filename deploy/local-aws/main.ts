import { parseArgs } from "node:util";
import { StartRefused } from "./start-refused.ts";
import type { LocalAwsOptions } from "./server.ts";

const USAGE = "usage: local-aws --home DIR [--port 0] [--threads N]";

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
  const { home, port, threads } = parse();
  if (home === undefined) throw new StartRefused(USAGE);
  return {
    home,
    port: wholeNumber(port ?? "0", "--port", 65_535),
    ...(threads === undefined ? {} : { threads: Math.max(1, wholeNumber(threads, "--threads", 1024)) }),
  };
}

function parse() {
  const text = { type: "string" } as const;
  try {
    return parseArgs({ options: { home: text, port: text, threads: text } }).values;
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
