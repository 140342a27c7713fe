import type { OperatorHost } from "../../engine/core/operator-host.ts";
import type { OperatorContext } from "../../engine/core/operator.ts";
import { inProcessOperator, type Prepared, type Running } from "../in-process/operator.ts";
import { failed, succeeded, tooLarge } from "../in-process/output.ts";
import type { Outcome } from "../in-process/works.ts";
import { folderIn } from "./folder.ts";
import { shellRunFacts, type ShellRunParams } from "./params.ts";
import { runCommand, WRITES_MAX, type Command, type Ended } from "./process.ts";

interface Ready {
  readonly command: Command;
  readonly successCodes: readonly number[];
}

export const shellRun = inProcessOperator<ShellRunParams, Ready>({
  facts: shellRunFacts,
  places: (host) => host.maxCommands,
  isIdempotent: ({ idempotent }) => idempotent,
  prepare,
  run,
});

async function prepare(params: ShellRunParams, context: OperatorContext, host: OperatorHost): Promise<Prepared<Ready>> {
  if (process.platform === "win32") return refused("shell.run needs a POSIX system: Windows is not supported");
  const folder = await folderIn(host.projectFolder, params.cwd);
  if (folder === null) return refused(`cwd: ${params.cwd ?? "."} is no folder of the project`);
  const { command, stdin = "", success_exit_codes: successCodes } = params;
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  const env = { ...host.environment, ...variablesOf(context), ...params.env };
  return { ready: { command: { argv, folder, env, stdin }, successCodes } };
}

const refused = (message: string): Prepared<never> => ({
  refused: { class: "permanent", code: "PARAMS_INVALID", message },
});

/** Where it is run, for the command to use in names and logs. */
const variablesOf = (context: OperatorContext): Record<string, string> => ({
  NOCTURNE_DAG_ID: context.dagId,
  NOCTURNE_RUN_ID: context.dagRunId,
  NOCTURNE_TASK_ID: context.taskId,
  NOCTURNE_TRY_NUMBER: String(context.tryNumber),
  NOCTURNE_LAUNCH_KEY: context.launchKey,
});

async function run({ params: { command, successCodes }, stop, log }: Running<Ready>): Promise<Outcome> {
  try {
    return outcomeOf(await runCommand(command, stop, log), successCodes);
  } catch (error) {
    // Nothing of the command has run: the machine is out of processes or memory.
    return failed("capacity", "JOB_FAILED", `the command could not be started: ${(error as Error).message}`);
  }
}

function outcomeOf(ended: Ended, successCodes: readonly number[]): Outcome {
  const { code, signal, lastLine } = ended;
  if (ended.wroteTooMuch) {
    const message = `it wrote more than ${WRITES_MAX / 1024 / 1024} MiB to stdout and stderr: write large output to a file`;
    return failed("permanent", "JOB_FAILED", message);
  }
  if (code !== null && successCodes.includes(code)) {
    if (lastLine === "too long") return tooLarge("the last line of stdout");
    return succeeded(lastLine?.json ?? {}, "the last line of stdout");
  }
  const how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
  const said = ended.lastErrors.join("\n");
  const message = said === "" ? how : `${how}: ${said}`;
  return ended.wasCancelled ? failed("permanent", "CANCELLED", message) : failed("retryable", "JOB_FAILED", message);
}
