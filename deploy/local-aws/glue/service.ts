import type {
  BatchStopJobRunRequest,
  CreateJobRequest,
  DeleteJobRequest,
  GetJobRequest,
  GetJobRunRequest,
  GetJobRunsRequest,
  GetJobsRequest,
  Job,
  StartJobRunRequest,
  UpdateJobRequest,
} from "@aws-sdk/client-glue";
import { isDeepStrictEqual } from "node:util";
import type { ComputeDependencies } from "../compute/dependencies.ts";
import { durable } from "../compute/durable.ts";
import { AwsError, type JsonService, type Operation } from "../contract.ts";
import { toJobRun, toRemoteJob } from "./job-run.ts";
import { JobRuns } from "./job-runs.ts";
import { loadShapes } from "../load.ts";

const KIND = "glue.job";
const MOST_RESULTS = 200;

/** A job as it was given, with its times; the journal keeps exactly this. */
interface JobDocument {
  readonly definition: Omit<CreateJobRequest, "Tags">;
  readonly createdAt: number;
  readonly modifiedAt: number;
}

/** AWS Glue: jobs and job runs, and the Data Catalog operations that `catalog` brings. */
export function createGlue(deps: ComputeDependencies, catalog: Readonly<Record<string, Operation>>): JsonService {
  const runs = new JobRuns(deps);
  const documents = () => deps.journal.all(KIND) as ReadonlyMap<string, JobDocument>;

  const put = (name: string, document: JobDocument | null) => deps.journal.put(KIND, name, document);
  const requireJob = (name = ""): Job => {
    const document = documents().get(name);
    if (document === undefined)
      throw notFound(`Failed to start job run due to missing metadata: job ${name} is not found`);
    return toJob(document);
  };

  const operations: Record<string, Operation> = {
    async CreateJob({ Tags: _, ...definition }: CreateJobRequest) {
      const name = definition.Name ?? "";
      checkDefinition(definition);
      const known = documents().get(name);
      const document = { definition, createdAt: deps.clock.now(), modifiedAt: deps.clock.now() };
      if (known === undefined) put(name, document);
      else if (!isDeepStrictEqual(plain(known.definition), plain(definition))) {
        throw new AwsError(
          "IdempotentParameterMismatchException",
          "Job already submitted with different configuration",
        );
      }
      return { Name: name };
    },
    async UpdateJob({ JobName = "", JobUpdate }: UpdateJobRequest) {
      requireJob(JobName);
      const definition = { ...JobUpdate, Name: JobName } as CreateJobRequest;
      checkDefinition(definition);
      const createdAt = documents().get(JobName)?.createdAt ?? deps.clock.now();
      put(JobName, { definition, createdAt, modifiedAt: deps.clock.now() });
      return { JobName };
    },
    GetJob: async ({ JobName }: GetJobRequest) => ({ Job: requireJob(JobName) }),
    async GetJobs({ NextToken, MaxResults }: GetJobsRequest) {
      const names = [...documents().keys()].sort();
      const { items, next } = page(names, NextToken, MaxResults, (name) => name);
      return { Jobs: items.map((name) => requireJob(name)), NextToken: next };
    },
    // Deleting a job that does not exist succeeds, as in Glue.
    async DeleteJob({ JobName = "" }: DeleteJobRequest) {
      if (documents().has(JobName)) put(JobName, null);
      return { JobName };
    },
    async StartJobRun(request: StartJobRunRequest) {
      const run = await runs.start(requireJob(request.JobName), request);
      return { JobRunId: run.id };
    },
    async GetJobRun({ JobName, RunId = "" }: GetJobRunRequest) {
      const run = runs.find(RunId);
      if (run === null || run.jobName !== JobName) throw notFound(`Job Run ${RunId} is not found`);
      return { JobRun: toJobRun(run, deps.clock.now()) };
    },
    async GetJobRuns({ JobName = "", NextToken, MaxResults }: GetJobRunsRequest) {
      if (!documents().has(JobName)) throw notFound(`Job ${JobName} is not found`);
      const { items, next } = page(runs.ofJob(JobName), NextToken, MaxResults, (run) => run.id);
      return { JobRuns: items.map((run) => toJobRun(run, deps.clock.now())), NextToken: next };
    },
    async BatchStopJobRun({ JobName = "", JobRunIds = [] }: BatchStopJobRunRequest) {
      const answers = JobRunIds.map((id) => stopRun(runs, JobName, id));
      return {
        SuccessfulSubmissions: answers.filter((answer) => !("ErrorDetail" in answer)),
        Errors: answers.filter((answer) => "ErrorDetail" in answer),
      };
    },
  };

  return {
    name: "Glue",
    targetPrefix: "AWSGlue",
    schemas: loadShapes("@aws-sdk/client-glue"),
    operations: { ...catalog, ...durable(deps.journal, operations) },
    remoteJobs: () => runs.all().map(toRemoteJob),
    start: async () => runs.resume(),
    stop: () => runs.stop(),
  };
}

function stopRun(runs: JobRuns, JobName: string, JobRunId: string) {
  const run = runs.find(JobRunId);
  const failed = (ErrorCode: string, ErrorMessage: string) => ({
    JobName,
    JobRunId,
    ErrorDetail: { ErrorCode, ErrorMessage },
  });
  if (run?.jobName !== JobName) return failed("EntityNotFoundException", `Job Run ${JobRunId} is not found`);
  if (runs.requestStop(run)) return { JobName, JobRunId };
  return failed(
    "JobRunNotInTerminalStateException",
    `Job Run ${JobRunId} has ended as ${run.state} and cannot be stopped`,
  );
}

function checkDefinition({ Role, Command, WorkerType, MaxCapacity }: JobDocument["definition"]): void {
  const wrong = (message: string) => new AwsError("InvalidInputException", message);
  if ((Role ?? "") === "") throw wrong("Role is required");
  if ((Command?.ScriptLocation ?? "") === "") throw wrong("Command.ScriptLocation is required");
  if (WorkerType !== undefined && MaxCapacity !== undefined) {
    throw wrong("Please do not set Max Capacity if using Worker Type and Number of Workers.");
  }
}

function toJob({ definition, createdAt, modifiedAt }: JobDocument): Job {
  return { ...definition, CreatedOn: new Date(createdAt), LastModifiedOn: new Date(modifiedAt) };
}

/** What the journal would give back: without the members that are undefined. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}

function notFound(message: string): AwsError {
  return new AwsError("EntityNotFoundException", message);
}

/** The token names the last item of the page before, so that new items do not shift the pages. */
function page<T>(all: readonly T[], token: string | undefined, limit: number | undefined, idOf: (item: T) => string) {
  const start = token === undefined ? 0 : all.findIndex((item) => idOf(item) === token) + 1;
  if (token !== undefined && start === 0) throw new AwsError("InvalidInputException", "The NextToken is not valid");
  const items = all.slice(start, start + Math.min(limit ?? MOST_RESULTS, MOST_RESULTS));
  const last = items.at(-1);
  const more = start + items.length < all.length && last !== undefined;
  return { items, next: more ? idOf(last) : undefined };
}
