import { spawn, type ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import { LineSplitter, type LogTail } from "../in-process/log-tail.ts";
import { guard, release } from "../in-process/watchdog.ts";
import type { StopReason } from "../in-process/works.ts";
import { LastLine } from "./last-line.ts";

/** How long a command has to end by itself once it was asked to. */
const GRACE_MS = 10_000;
/** What a command writes goes through the engine's own process: more than this keeps that from its work. */
export const WRITES_MAX = 64 * 1024 * 1024;
/** How long output is waited for that a program which left the group still holds open. */
const CLOSE_MS = 1_000;
const STDERR_LINES = 5;

/**
 * Waits for a word before it becomes the command, so that nothing of the command runs before the watchdog knows of it. Without
 * the word its input ends, and so does it.
 */
const GATE = 'read -r word <&3 || exit 125; exec 3<&-; exec "$@"';

export interface Command {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly wroteTooMuch: boolean;
  readonly wasCancelled: boolean;
  readonly lastLine: ReturnType<LastLine["value"]>;
  readonly lastErrors: readonly string[];
}

/** Runs a command in a process group of its own, which dies with this process. Throws when it cannot be started. */
export async function runCommand(command: Command, stop: AbortSignal, log: LogTail): Promise<Ended> {
  const { folder: cwd, env } = command;
  const child = spawn("/bin/sh", ["-c", GATE, "nocturne", ...command.argv], {
    cwd,
    env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const group = await started(child);
  // A command that runs does not keep a process alive that has nothing else to do: it would end with it.
  for (const pipe of child.stdio) (pipe as unknown as { unref(): void }).unref();
  child.unref();
  const output = listen(child, group, log);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let wasCancelled = false;
  let grace: NodeJS.Timeout | undefined;
  const onStop = (): void => {
    if ((stop.reason as StopReason) === "let_go") return signalGroup(group, "SIGKILL");
    wasCancelled = true;
    signalGroup(group, "SIGTERM");
    grace = setTimeout(() => signalGroup(group, "SIGKILL"), GRACE_MS).unref();
  };
  if (stop.aborted) onStop();
  else stop.addEventListener("abort", onStop, { once: true });
  try {
    await open(child, group, command.stdin);
    await exited;
  } finally {
    clearTimeout(grace);
    stop.removeEventListener("abort", onStop);
    // Whatever the command has left running ends with it.
    signalGroup(group, "SIGKILL");
    release(group);
  }
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
  for (const pipe of child.stdio) pipe?.destroy();
  return { code: child.exitCode, signal: child.signalCode, wasCancelled, ...output() };
}

/** The group's number, once the process is there. */
function started(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => resolve(child.pid ?? 0));
  });
}

/** Lets the command begin, now that it cannot outlive us. */
async function open(child: ChildProcess, group: number, stdin: string): Promise<void> {
  const [input, , , gate] = child.stdio;
  // A command that ends before it has read everything is no error of ours.
  for (const pipe of [input, gate]) pipe?.on("error", () => undefined);
  await guard(group);
  (gate as Duplex).end("go\n");
  (input as Duplex).end(stdin);
}

function listen(child: ChildProcess, group: number, log: LogTail) {
  const lastLine = new LastLine();
  const errors: string[] = [];
  let written = 0;
  const count = (bytes: Buffer): void => {
    written += bytes.length;
    if (written > WRITES_MAX) signalGroup(group, "SIGKILL");
  };
  const lines = new LineSplitter((line) => log.add(line));
  const errorLines = new LineSplitter((line) => {
    log.add(line);
    if (line.trim() !== "") errors.push(line);
    if (errors.length > STDERR_LINES) errors.shift();
  });
  child.stdout?.on("data", (bytes: Buffer) => {
    count(bytes);
    lastLine.write(bytes);
    lines.write(bytes);
  });
  child.stderr?.on("data", (bytes: Buffer) => {
    count(bytes);
    errorLines.write(bytes);
  });
  return () => {
    lines.end();
    errorLines.end();
    return { wroteTooMuch: written > WRITES_MAX, lastLine: lastLine.value(), lastErrors: errors };
  };
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    if (group > 1) process.kill(-group, signal);
  } catch {
    // Nothing of it is left.
  }
}
