import { GetJobRunCommand, GetJobRunsCommand, type GlueClient, type JobRun } from "@aws-sdk/client-glue";
import { isNamed } from "../aws/errors.ts";
import { SEARCH_PAGES, tooFar } from "../aws/launch.ts";

const PAGE = 200;

interface RunOfJob {
  readonly job: string;
  readonly run: string;
}

/** The job's runs that started at or after `from`, oldest first. Glue lists the newest first. */
export async function findRuns(client: GlueClient, job: string, from: Date, signal: AbortSignal): Promise<JobRun[]> {
  const found: JobRun[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < SEARCH_PAGES; page += 1) {
    const answer = await listRuns(client, job, NextToken, signal);
    // A run without a start waits to begin: as young as can be.
    const young = answer.runs.filter(({ StartedOn }) => StartedOn === undefined || StartedOn >= from);
    found.unshift(...young.reverse());
    if (answer.next === undefined || young.length < answer.runs.length) return found;
    NextToken = answer.next;
  }
  throw tooFar(`Glue job ${job}`);
}

/** The runs by id; one that Glue does not know is missing. One list per job, and a single look for what it did not hold. */
export async function readRuns(
  client: GlueClient,
  refs: readonly RunOfJob[],
  signal: AbortSignal,
): Promise<Map<string, JobRun>> {
  const byJob = new Map<string, RunOfJob[]>();
  for (const ref of refs) byJob.set(ref.job, [...(byJob.get(ref.job) ?? []), ref]);
  const runs = new Map<string, JobRun>();
  for (const [job, wanted] of byJob) {
    const { runs: listed } = wanted.length > 1 ? await listRuns(client, job, undefined, signal) : { runs: [] };
    for (const run of listed) runs.set(run.Id ?? "", run);
    const missing = wanted.filter((ref) => !runs.has(ref.run));
    const read = await Promise.all(missing.map((ref) => readRun(client, ref, signal)));
    for (const run of read) if (run) runs.set(run.Id ?? "", run);
  }
  return runs;
}

async function listRuns(client: GlueClient, job: string, NextToken: string | undefined, signal: AbortSignal) {
  const list = new GetJobRunsCommand({ JobName: job, MaxResults: PAGE, NextToken });
  try {
    const { JobRuns = [], NextToken: next } = await client.send(list, { abortSignal: signal });
    return { runs: JobRuns, next };
  } catch (error) {
    if (isNamed(error, "EntityNotFoundException")) return { runs: [], next: undefined };
    throw error;
  }
}

async function readRun(client: GlueClient, { job, run }: RunOfJob, signal: AbortSignal): Promise<JobRun | undefined> {
  try {
    return (await client.send(new GetJobRunCommand({ JobName: job, RunId: run }), { abortSignal: signal })).JobRun;
  } catch (error) {
    if (isNamed(error, "EntityNotFoundException")) return undefined;
    throw error;
  }
}
