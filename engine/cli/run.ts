import { CommanderError } from "commander";
import type { Problem } from "../core/errors.ts";
import type { App } from "./app.ts";
import { EXIT } from "./exit-codes.ts";
import { buildProgram, usageError } from "./program.ts";
import { problemsOf, reportError } from "./report-error.ts";
import type { Streams } from "./output.ts";
import type { Stopping } from "./session.ts";

/** Runs one command line (without node and the program's name) and answers the exit code. */
export async function run(app: App, argv: readonly string[], streams: Streams = process): Promise<number> {
  // The SDK would print on every command that Node 20 ends one day; package.json says which Node we need.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  quietPipe(streams);
  const stopping: Stopping = { message: "stopping; remote jobs run on and are taken up again", isUsual: false };
  const interrupt = listenForCtrlC(streams, stopping);
  let exitCode: number = EXIT.done;
  const surroundings = { streams, env: process.env, cwd: process.cwd(), interrupted: interrupt.signal, stopping };
  const program = buildProgram(app, surroundings, (code) => (exitCode = code));
  try {
    // Without a command the help is the answer, and no error.
    await program.parseAsync(argv.length === 0 ? ["--help"] : argv, { from: "user" });
    return interrupt.signal.aborted && !stopping.isUsual ? EXIT.interrupted : exitCode;
  } catch (error) {
    if (interrupt.signal.aborted && !stopping.isUsual) return EXIT.interrupted;
    const ours = error instanceof CommanderError ? usageError(error) : error;
    if (ours === null) return EXIT.done;
    const debug = argv.includes("--debug");
    const color = streams.stderr.isTTY === true && !argv.includes("--no-color") && !process.env["NO_COLOR"];
    const report = reportError(ours, { debug, format: await formatter(ours, color) });
    streams.stderr.write(`${report.lines.join("\n")}\n`);
    return report.exitCode;
  } finally {
    interrupt.stopListening();
  }
}

/** The room that draws carets is only loaded for an error that has a place. */
async function formatter(error: unknown, color: boolean): Promise<(problem: Problem) => string> {
  if (problemsOf(error).every((problem) => problem.at === undefined)) return (problem) => problem.message;
  const { showProblem } = await import("./show-problem.ts");
  return (problem) => showProblem(problem, { cwd: process.cwd(), color });
}

/** A reader that has read enough (`nocturne runs list | head`) is no error. */
function quietPipe({ stdout, stderr }: Streams): void {
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(EXIT.done);
      throw error;
    });
  }
}

/** Once: stop in order. Twice: at once; what was promised is in Postgres either way. */
function listenForCtrlC(
  { stderr }: Streams,
  stopping: Stopping,
): { readonly signal: AbortSignal; stopListening(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    stderr.write(`\nnocturne: ${stopping.message}. Ctrl-C again: at once\n`);
    controller.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    stopListening: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}
