import type { StepConfig } from "@aws-sdk/client-emr";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { SparkJob, SparkScripts } from "../compute/spark-scripts.ts";
import type { S3Files } from "../contract.ts";
import type { JobFault } from "../faults.ts";
import type { Work } from "../runner-pool.ts";

const MOST_LINES = 10_000;

/** A step under way, and what it said so far. */
export interface StepWork extends Work {
  readonly lines: readonly string[];
}

/** Starts what the step asks for. What local-aws cannot run fails with the reason. */
export function startStep(config: StepConfig, scripts: SparkScripts, fault: JobFault | null): StepWork {
  const lines: string[] = [];
  const job = sparkJobOf(config);
  if (typeof job === "string") {
    return { lines, ended: Promise.resolve({ kind: "failed", error: job }), cancel: () => undefined };
  }
  const log = (line: string): void => {
    if (lines.push(line) > MOST_LINES) lines.shift();
  };
  return { lines, ...scripts.start(job, { started: () => undefined, log }, fault) };
}

/** spark-submit's options that stand alone; every other one takes the word after it. */
const FLAGS = ["--verbose", "-v", "--supervise"];

/** The script and its arguments of `command-runner.jar spark-submit …`, or why it cannot run here. */
function sparkJobOf(config: StepConfig): SparkJob | string {
  const { Jar, Args = [] } = config.HadoopJarStep ?? {};
  if (Jar !== "command-runner.jar") return `LocalRunner: only command-runner.jar runs here, not ${Jar}`;
  if (Args[0] !== "spark-submit") return `LocalRunner: command-runner.jar runs only spark-submit here, not ${Args[0]}`;
  let at = 1;
  for (let word = Args[at]; word?.startsWith("-"); word = Args[at])
    at += FLAGS.includes(word) || word.includes("=") ? 1 : 2;
  const script = Args[at];
  return script === undefined ? "LocalRunner: spark-submit names no script" : { script, args: Args.slice(at + 1) };
}

/** Writes the three logs of a step to where EMR puts them. */
export async function writeStepLogs(
  s3: S3Files,
  folder: string,
  lines: readonly string[],
  error: string | null,
  outcome: string,
): Promise<void> {
  const zip = promisify(gzip);
  const texts = {
    controller: [`LocalRunner: the step ended as ${outcome}`],
    stdout: lines,
    stderr: error === null ? [] : [error],
  };
  const writes = Object.entries(texts).map(async ([name, content]) =>
    s3.write(`${folder}${name}.gz`, await zip(content.map((line) => `${line}\n`).join(""))),
  );
  await Promise.all(writes);
}
