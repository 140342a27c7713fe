import type { RunnerJob, RunnerMessage } from "../contract.ts";
import { openSqlRunner } from "./run-sql.ts";

/** A runner process: takes RunnerJobs over its IPC channel, one at a time, and ends when its parent is gone. */
const send = (message: RunnerMessage): void => void process.send?.(message);
const opened = openSqlRunner();
let running: Promise<void> = Promise.resolve();

async function work(job: RunnerJob): Promise<void> {
  try {
    const runner = await opened;
    await runner.run(job, (line) => send({ kind: "log", line }));
    send({ kind: "ended", error: null });
  } catch (error) {
    send({ kind: "ended", error: error instanceof Error ? error.message : String(error) });
  }
}

process.on("message", (job: RunnerJob) => {
  running = running.then(() => work(job));
});
process.on("disconnect", () => process.exit(0));
