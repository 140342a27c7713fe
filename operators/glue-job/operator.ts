import {
  BatchStopJobRunCommand,
  GlueClient,
  StartJobRunCommand,
  type JobRun,
  type WorkerType,
} from "@aws-sdk/client-glue";
import type { Connection, Observation, Operator, SubmitContext, Submitted } from "../../engine/core/operator.ts";
import { uploadFile, uploadFiles } from "../aws/artifacts.ts";
import { clientOf, type Purpose } from "../aws/clients.ts";
import { consoleLinks } from "../aws/console-links.ts";
import { isNamed } from "../aws/errors.ts";
import { launch, searchFrom, sendOptions, whileItMaySend } from "../aws/launch.ts";
import { argumentsOf } from "../aws/spark-script.ts";
import { ensureJob, forgetJobs, MOST_RUNS } from "./job-definition.ts";
import { findRuns, readRuns } from "./job-runs.ts";
import { lastLogLines } from "./log-tail.ts";
import { glueJobFacts, type GlueJobParams } from "./params.ts";
import { failureMessage, STATUSES } from "./statuses.ts";
import { dpuSeconds, leastUsage, usageOf } from "./usage.ts";

const LAUNCH_KEY = "--nocturne-launch-key";

interface Ref {
  readonly job: string;
  readonly run: string;
}

interface Output {
  readonly job_run_id: string;
  readonly execution_seconds: number;
  readonly dpu_seconds: number;
}

export const glueJob: Operator<GlueJobParams, Ref, Output> = {
  ...glueJobFacts,
  // As many as a job may have at once: a list shows them all.
  batchSize: MOST_RUNS,

  submit: (params, context) =>
    launch(
      () => prepare(params, context),
      async (request) => {
        const command = whileItMaySend(new StartJobRunCommand(request), context);
        const client = glueOf(context.connection, "submit");
        const { JobRunId = "" } = await client.send(command, sendOptions(context));
        return { job: params.job, run: JobRunId };
      },
      (error) => (isNamed(error, "EntityNotFoundException") ? makeJobAgain(context.connection, params.job) : null),
    ),

  async find({ job }, context) {
    const from = searchFrom(context);
    const runs = await findRuns(glueOf(context.connection, "look"), job, from, context.signal);
    return runs
      .filter((run) => run.Arguments?.[LAUNCH_KEY] === context.launchKey)
      .map((run) => ({ job, run: run.Id ?? "" }));
  },

  async observe(jobs, signal) {
    const first = jobs[0];
    if (!first) return [];
    const refs = jobs.map(({ ref }) => ref);
    const runs = await readRuns(glueOf(first.context.connection, "look"), refs, signal);
    const now = new Date(first.context.now());
    return refs.map(({ run }) => observation(runs.get(run), now));
  },

  async cancel({ job, run }, { connection, signal }) {
    const stop = new BatchStopJobRunCommand({ JobName: job, JobRunIds: [run] });
    const { Errors = [] } = await glueOf(connection, "look").send(stop, { abortSignal: signal });
    const [error] = Errors;
    // A run that has ended, or never was, needs no stop: the next look says so.
    if (
      !error ||
      /^(EntityNotFound|JobRunNotInTerminalState|JobRunInvalidState)/.test(error.ErrorDetail?.ErrorCode ?? "")
    )
      return;
    throw new Error(`${run}: ${error.ErrorDetail?.ErrorCode}: ${error.ErrorDetail?.ErrorMessage}`);
  },

  estimate: leastUsage,

  links: ({ job, run }, { connection }) =>
    consoleLinks(connection, "glue", [
      {
        label: "Glue run",
        path: `gluestudio/home?region=${connection.region}#/job/${encodeURIComponent(job)}/run/${run}`,
      },
      {
        label: "Logs",
        path: `cloudwatch/home?region=${connection.region}#logsV2:log-groups/log-group/$252Faws-glue$252Fjobs$252Ferror/log-events/${run}`,
      },
    ]),

  logTail: ({ run }, { connection, signal }, lines) => lastLogLines(connection, run, lines, signal),
};

const glueOf = (connection: Connection, purpose: Purpose): GlueClient =>
  clientOf(connection, "glue", purpose, (config) => new GlueClient(config));

async function prepare(params: GlueJobParams, context: SubmitContext) {
  const [script, uris] = await Promise.all([uploadFile(context, params.script), uploadFiles(context, params.files)]);
  const defined = await ensureJob(glueOf(context.connection, "look"), params, script, context);
  return {
    JobName: params.job,
    // Glue knows worker types that the SDK does not list yet; it sends them as they are.
    WorkerType: params.worker_type as WorkerType,
    NumberOfWorkers: params.workers,
    ExecutionClass: params.execution_class,
    Timeout: params.timeout_minutes,
    Arguments: {
      ...argumentsOf(params, uris),
      ...(script === defined ? {} : { "--scriptLocation": script }),
      [LAUNCH_KEY]: context.launchKey,
    },
  };
}

function makeJobAgain(connection: Connection, job: string): Submitted<Ref, never> {
  forgetJobs(glueOf(connection, "look"));
  return { kind: "throttled", message: `the Glue job ${job} is gone; it is made again` };
}

function observation(run: JobRun | undefined, now: Date): Observation<Output> {
  if (!run) return { kind: "unseen" };
  const state = run.JobRunState ?? "";
  const meaning = Object.hasOwn(STATUSES, state) ? STATUSES[state as keyof typeof STATUSES] : null;
  const usage = usageOf(run, now);
  if (meaning === "running") return { kind: "running", detail: state, usage };
  if (meaning === "succeeded") {
    const output = {
      job_run_id: run.Id ?? "",
      execution_seconds: run.ExecutionTime ?? 0,
      dpu_seconds: dpuSeconds(run, now),
    };
    return { kind: "succeeded", output, usage };
  }
  const failure = meaning
    ? { ...meaning, message: failureMessage(run) }
    : ({ class: "permanent", code: "UNKNOWN_STATUS", message: `Glue answered the state ${state}` } as const);
  return { kind: "failed", failure, usage };
}
