import type { JobRun, JobRunState, StartJobRunRequest } from "@aws-sdk/client-glue";
import type { RemoteJob } from "../contract.ts";
import type { JobFault } from "../faults.ts";

/** A run as the journal keeps it. Times are milliseconds of the service's clock. */
export interface RunDocument {
  readonly id: string;
  readonly jobName: string;
  readonly previousRunId: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  readonly script: string;
  /** The job's default arguments with the run's own over them, as the script gets them. */
  readonly scriptArguments: readonly string[];
  readonly state: JobRunState;
  readonly startedAt: number;
  readonly runningAt: number | null;
  readonly modifiedAt: number;
  readonly endedAt: number | null;
  readonly error: string | null;
  readonly timeoutMinutes: number;
  readonly workerType: string | null;
  readonly numberOfWorkers: number | null;
  readonly maxCapacity: number;
  readonly glueVersion: string;
  readonly executionClass: string;
  readonly fault: JobFault | null;
}

const LIVE: readonly JobRunState[] = ["STARTING", "RUNNING", "STOPPING", "WAITING"];

export function isLive(run: RunDocument): boolean {
  return LIVE.includes(run.state);
}

/** DPUs of one worker. Source: the AWS Glue developer guide, worker types. */
const DPU: Readonly<Record<string, number>> = {
  "G.025X": 0.25,
  Standard: 1,
  "G.1X": 1,
  "G.2X": 2,
  "G.4X": 4,
  "G.8X": 8,
  "G.12X": 12,
  "G.16X": 16,
  "R.1X": 1,
  "R.2X": 2,
  "R.4X": 4,
  "R.8X": 8,
};

interface CapacityRequest {
  readonly WorkerType?: string | undefined;
  readonly NumberOfWorkers?: number | undefined;
  readonly MaxCapacity?: number | undefined;
}

/** The run's own figures, else the job's, else Glue's default of 10 DPU. */
export function capacityOf(
  run: StartJobRunRequest,
  job: CapacityRequest,
): Pick<RunDocument, "workerType" | "numberOfWorkers" | "maxCapacity"> {
  const workerType = run.WorkerType ?? job.WorkerType ?? null;
  const numberOfWorkers = run.NumberOfWorkers ?? job.NumberOfWorkers ?? null;
  const given = run.MaxCapacity ?? job.MaxCapacity ?? 10;
  const dpu = DPU[workerType ?? ""];
  const maxCapacity = dpu !== undefined && numberOfWorkers !== null ? dpu * numberOfWorkers : given;
  return { workerType, numberOfWorkers, maxCapacity };
}

/** The run as GetJobRun answers it. ExecutionTime counts whole seconds from RUNNING on, begun ones as full. */
export function toJobRun(run: RunDocument, now: number): JobRun {
  const executionTime = run.runningAt === null ? 0 : Math.ceil(((run.endedAt ?? now) - run.runningAt) / 1000);
  const logs = "/aws-glue/jobs";
  return {
    Id: run.id,
    Attempt: 0,
    JobName: run.jobName,
    JobRunState: run.state,
    StartedOn: new Date(run.startedAt),
    LastModifiedOn: new Date(run.modifiedAt),
    Arguments: { ...run.arguments },
    ExecutionTime: executionTime,
    Timeout: run.timeoutMinutes,
    MaxCapacity: run.maxCapacity,
    AllocatedCapacity: Math.floor(run.maxCapacity),
    GlueVersion: run.glueVersion,
    ExecutionClass: run.executionClass as "FLEX" | "STANDARD",
    LogGroupName: logs,
    PredecessorRuns: [],
    ...(run.previousRunId === null ? {} : { PreviousRunId: run.previousRunId }),
    ...(run.endedAt === null ? {} : { CompletedOn: new Date(run.endedAt) }),
    ...(run.error === null ? {} : { ErrorMessage: run.error }),
    ...(run.workerType === null ? {} : { WorkerType: run.workerType as "G.1X" }),
    ...(run.numberOfWorkers === null ? {} : { NumberOfWorkers: run.numberOfWorkers }),
    // Glue reports DPU-seconds for Flex runs only; for the others it is ExecutionTime times MaxCapacity.
    ...(run.executionClass === "FLEX" && run.endedAt !== null ? { DPUSeconds: executionTime * run.maxCapacity } : {}),
  };
}

export function toRemoteJob(run: RunDocument): RemoteJob {
  return {
    service: "Glue",
    id: run.id,
    name: run.jobName,
    launchKey: run.arguments["--nocturne-launch-key"] ?? null,
    state: run.state,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
  };
}
