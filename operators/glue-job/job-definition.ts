import {
  CreateJobCommand,
  GetJobCommand,
  UpdateJobCommand,
  type GlueClient,
  type Job,
  type JobUpdate,
} from "@aws-sdk/client-glue";
import { NocturneError } from "../../engine/core/errors.ts";
import type { SubmitContext } from "../../engine/core/operator.ts";
import { required, settingsOf } from "../aws/connection-settings.ts";
import { isNamed } from "../aws/errors.ts";
import { tagValue } from "../aws/tags.ts";
import type { GlueJobParams } from "./params.ts";

const OURS = "Managed by Nocturne: changes are overwritten";
/** Glue's own limit. How many run at once is decided by pools and max_active_runs, not here. */
export const MOST_RUNS = 1_000;

const ensured = new WeakMap<GlueClient, Map<string, Promise<string>>>();

/**
 * Makes sure that the Glue job exists with what a run cannot override, and answers the script its definition names.
 * Remembered per process, so that a night's runs ask once.
 */
export async function ensureJob(
  client: GlueClient,
  params: GlueJobParams,
  script: string,
  context: SubmitContext,
): Promise<string> {
  const { connection } = context;
  const { glue } = settingsOf(connection);
  const wanted: JobUpdate = {
    Description: OURS,
    Role: params.role ?? required(connection, "glue.role", glue.role),
    Command: { Name: "glueetl", PythonVersion: "3", ScriptLocation: script },
    GlueVersion: params.glue_version ?? glue.version ?? "5.1",
    // Glue's own retry would be a second run under the same launch key.
    MaxRetries: 0,
    ExecutionProperty: { MaxConcurrentRuns: MOST_RUNS },
    DefaultArguments: { "--job-language": "python" },
  };
  const jobs = ensured.get(client) ?? new Map<string, Promise<string>>();
  ensured.set(client, jobs);
  const key = `${params.job}/${wanted.Role}/${wanted.GlueVersion}`;
  const ensuring = jobs.get(key) ?? createOrUpdate(client, params, wanted, context);
  jobs.set(key, ensuring);
  ensuring.catch(() => jobs.delete(key));
  return ensuring;
}

/** The job is gone although we made it: the next launch asks again. */
export const forgetJobs = (client: GlueClient): boolean => ensured.delete(client);

async function createOrUpdate(
  client: GlueClient,
  params: GlueJobParams,
  wanted: JobUpdate,
  context: SubmitContext,
): Promise<string> {
  const found = await readJob(client, params.job);
  const script = wanted.Command?.ScriptLocation ?? "";
  if (!found) {
    const Tags = { "nocturne:dag": tagValue(context.dagId), "nocturne:task": tagValue(context.taskId) };
    try {
      await client.send(
        new CreateJobCommand({ ...wanted, Name: params.job, Role: wanted.Role, Command: wanted.Command, Tags }),
      );
      return script;
    } catch (error) {
      if (!isNamed(error, "AlreadyExistsException", "IdempotentParameterMismatchException")) throw error;
      // Another process was faster; what it made is looked at like any other job.
      return createOrUpdate(client, params, wanted, context);
    }
  }
  if (found.Description !== OURS) return foreignJob(found, params);
  if (isSame(found, wanted)) return found.Command?.ScriptLocation ?? "";
  await client.send(new UpdateJobCommand({ JobName: params.job, JobUpdate: wanted }));
  return script;
}

async function readJob(client: GlueClient, name: string): Promise<Job | null> {
  try {
    return (await client.send(new GetJobCommand({ JobName: name }))).Job ?? null;
  } catch (error) {
    if (isNamed(error, "EntityNotFoundException")) return null;
    throw error;
  }
}

/** Everything but the script: that one a run can override. */
const isSame = (job: Job, wanted: JobUpdate): boolean =>
  job.Role === wanted.Role &&
  job.GlueVersion === wanted.GlueVersion &&
  job.MaxRetries === wanted.MaxRetries &&
  job.Command?.Name === wanted.Command?.Name &&
  job.Command?.PythonVersion === wanted.Command?.PythonVersion &&
  job.ExecutionProperty?.MaxConcurrentRuns === wanted.ExecutionProperty?.MaxConcurrentRuns;

/** A job that somebody else made is run as it is, or not at all: it is never changed. */
function foreignJob(job: Job, params: GlueJobParams): string {
  const differs = (what: string): never => {
    const message = `the Glue job ${params.job} was not made by Nocturne and ${what}; change it, or name another job`;
    throw new NocturneError({ code: "AWS_REFUSED", message });
  };
  if ((job.MaxRetries ?? 0) > 0) differs(`has MaxRetries ${job.MaxRetries}: each retry would be a second run`);
  if (job.Command?.Name !== "glueetl") differs(`is a ${job.Command?.Name ?? "job without a command"}, not a Spark job`);
  const version = params.glue_version;
  if (version !== undefined && version !== job.GlueVersion) differs(`runs Glue ${job.GlueVersion}, not ${version}`);
  if (params.role !== undefined && params.role !== job.Role) differs(`has the role ${job.Role}`);
  return job.Command?.ScriptLocation ?? "";
}
