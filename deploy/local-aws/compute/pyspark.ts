import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Work, WorkEnd, WorkEvents } from "../runner-pool.ts";

/**
 * Runs the script as `python3 script --k v` would, and ends the process when its standard input closes:
 * a job must not go on writing after local-aws is gone, since the next local-aws starts it again.
 */
const WRAPPER = `
import os, runpy, sys, threading
def watch():
    while os.read(0, 65536):
        pass
    os._exit(137)
threading.Thread(target=watch, daemon=True).start()
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")
`;

let probe: Promise<boolean> | null = null;

/** Whether python3 on the PATH has PySpark; looked up once. */
export function pysparkInstalled(): Promise<boolean> {
  probe ??= new Promise((resolve) => {
    execFile("python3", ["-c", "import pyspark"], { timeout: 60_000 }, (error) => resolve(error === null));
  });
  return probe;
}

/** Starts a PySpark script in a process of its own. Its last words on standard error are the reason when it fails. */
export function runPython(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  events: WorkEvents,
): Work {
  const child = spawn("python3", ["-c", WRAPPER, script, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  events.started();
  let lastWords = "";
  let cancelled = false;
  createInterface({ input: child.stdout }).on("line", (line) => events.log(line));
  createInterface({ input: child.stderr }).on("line", (line) => {
    events.log(line);
    if (line.trim() !== "") lastWords = line.trim();
  });
  const ended = new Promise<WorkEnd>((resolve) => {
    child.on("error", (error) => resolve({ kind: "failed", error: `LocalRunner: ${error.message}` }));
    child.on("close", (code, signal) => resolve(cancelled ? { kind: "cancelled" } : endOf(code, signal, lastWords)));
  });
  return {
    ended,
    cancel() {
      cancelled = true;
      // PySpark's JVM ends when the Python process that started it does.
      child.kill("SIGKILL");
    },
  };
}

function endOf(code: number | null, signal: NodeJS.Signals | null, lastWords: string): WorkEnd {
  if (code === 0) return { kind: "succeeded" };
  const reason = signal === null ? `exit code ${code}` : `signal ${signal}`;
  return { kind: "failed", error: lastWords === "" ? `the script ended with ${reason}` : lastWords };
}
