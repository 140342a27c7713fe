import { GetJobRunCommand, GetJobRunsCommand, type GlueClient, type JobRun } from "@aws-sdk/client-glue";
import { isNamed } from "../aws/errors.ts";
import { SEARCH_PAGES, tooFar } from "../aws/launch.ts";

const PAGE = 200;
/** A page that shows fewer of those wanted is read in vain: it costs as much as these looked at alone. */
const RUNS_WORTH_A_PAGE = 50;
/** Looks at single runs at once. */
const SINGLE_LOOKS = 10;

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

/** The runs by id; one that Glue does not know is missing. */
export async function readRuns(
  client: GlueClient,
  refs: readonly RunOfJob[],
  signal: AbortSignal,
): Promise<Map<string, JobRun>> {
  const runs = new Map<string, JobRun>();
  for (const job of new Set(refs.map((ref) => ref.job))) {
    const wanted = new Set(refs.filter((ref) => ref.job === job).map((ref) => ref.run));
    for (const run of await readRunsOfJob(client, job, wanted, signal)) runs.set(run.Id ?? "", run);
  }
  return runs;
}

/** Lists as long as that is likely to be fewer calls than a single look at each one still missing. */
async function readRunsOfJob(
  client: GlueClient,
  job: string,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<JobRun[]> {
  const found: JobRun[] = [];
  const missing = new Set(wanted);
  // Glue lists every run there ever was, newest first: ours may lie far down.
  const mostPages = 1 + Math.floor(wanted.size / RUNS_WORTH_A_PAGE);
  let NextToken: string | undefined;
  for (let page = 0; page < mostPages && missing.size > 1; page += 1) {
    const answer = await listRuns(client, job, NextToken, signal);
    found.push(...answer.runs.filter(({ Id = "" }) => missing.delete(Id)));
    if (answer.next === undefined) break;
    NextToken = answer.next;
  }
  const rest = [...missing];
  while (rest.length > 0) {
    const read = await Promise.all(rest.splice(0, SINGLE_LOOKS).map((run) => readRun(client, { job, run }, signal)));
    found.push(...read.filter((run) => run !== undefined));
  }
  return found;
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
