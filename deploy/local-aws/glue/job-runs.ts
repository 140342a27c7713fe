import { randomBytes } from "node:crypto";
import type { Job, StartJobRunRequest } from "@aws-sdk/client-glue";
import { atTime } from "../compute/deadline.ts";
import type { ComputeDependencies } from "../compute/dependencies.ts";
import { afterRestart } from "../compute/stall.ts";
import { AwsError } from "../contract.ts";
import type { Work, WorkEnd } from "../runner-pool.ts";
import { capacityOf, isLive, type RunDocument } from "./job-run.ts";

const KIND = "glue.run";
const OUTPUT_LOG = "/aws-glue/jobs/output";
const ERROR_LOG = "/aws-glue/jobs/error";
const DEFAULT_TIMEOUT_MINUTES = 2880;

/** Every job run, and what executes the living ones. Each change is a new document in the journal. */
export class JobRuns {
  readonly #deps: ComputeDependencies;
  /** Oldest first. */
  readonly #runs = new Map<string, RunDocument>();
  readonly #byJob = new Map<string, Set<string>>();
  readonly #works = new Map<string, Work>();
  /** The timeouts of the runs that are RUNNING: waiting for a process does not count, as waiting for capacity in Glue. */
  readonly #timeouts = new Map<string, { cancel(): void }>();
  #stopped = false;

  constructor(deps: ComputeDependencies) {
    this.#deps = deps;
    const kept = [...deps.journal.all(KIND).values()] as RunDocument[];
    for (const run of kept.sort((a, b) => a.startedAt - b.startedAt)) this.#add(run);
  }

  /** Runs that lived when the process died run again from the start, under their own id. */
  resume(): void {
    for (const run of this.#runs.values()) {
      if (run.state === "STOPPING") this.#update(run.id, { state: "STOPPED", endedAt: this.#now() });
      else if (isLive(run)) this.#execute({ ...run, fault: afterRestart(run.fault) });
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timeout of this.#timeouts.values()) timeout.cancel();
    for (const work of this.#works.values()) work.cancel();
    for (const work of [...this.#works.values()]) await work.ended;
  }

  all(): readonly RunDocument[] {
    return [...this.#runs.values()];
  }

  find(id: string): RunDocument | null {
    return this.#runs.get(id) ?? null;
  }

  /** Newest first. */
  ofJob(jobName: string): readonly RunDocument[] {
    const ids = [...(this.#byJob.get(jobName) ?? [])].reverse();
    return ids.flatMap((id) => this.#runs.get(id) ?? []);
  }

  #add(run: RunDocument): void {
    this.#runs.set(run.id, run);
    const ids = this.#byJob.get(run.jobName) ?? new Set();
    this.#byJob.set(run.jobName, ids.add(run.id));
  }

  /** Writes the run down, then starts it. Throws ConcurrentRunsExceededException at the job's limit. */
  async start(job: Job, request: StartJobRunRequest): Promise<RunDocument> {
    const fault = this.#deps.faults.takeForJob(["capacity", "fail_run", "stall_run"], "Glue.StartJobRun", request);
    const limit = job.ExecutionProperty?.MaxConcurrentRuns ?? 1;
    const live = this.ofJob(job.Name ?? "").filter(isLive).length;
    if (fault?.kind === "capacity" || live >= limit) {
      throw new AwsError("ConcurrentRunsExceededException", `Concurrent runs exceeded for ${job.Name}`);
    }
    const previous = request.JobRunId === undefined ? null : this.find(request.JobRunId);
    const given = request.Arguments ?? previous?.arguments ?? {};
    const merged = { ...job.DefaultArguments, ...given };
    const now = this.#now();
    const run: RunDocument = {
      id: `jr_${randomBytes(32).toString("hex")}`,
      jobName: job.Name ?? "",
      previousRunId: request.JobRunId ?? null,
      arguments: given,
      script: merged["--scriptLocation"] ?? job.Command?.ScriptLocation ?? "",
      scriptArguments: Object.entries(merged).flat(),
      state: "STARTING",
      startedAt: now,
      runningAt: null,
      modifiedAt: now,
      endedAt: null,
      error: null,
      timeoutMinutes: request.Timeout ?? job.Timeout ?? DEFAULT_TIMEOUT_MINUTES,
      ...capacityOf(request, job),
      glueVersion: job.GlueVersion ?? "5.1",
      executionClass: request.ExecutionClass ?? job.ExecutionClass ?? "STANDARD",
      fault,
    };
    this.#add(run);
    this.#deps.journal.put(KIND, run.id, run);
    // Written down before anything works: after a kill, nothing runs that the next start does not know of.
    await this.#deps.journal.flushed().catch((error: unknown) => {
      // The client was told that nothing was started.
      this.#runs.delete(run.id);
      this.#byJob.get(run.jobName)?.delete(run.id);
      this.#deps.journal.put(KIND, run.id, null);
      throw error;
    });
    if (!this.#stopped) this.#execute(run);
    return run;
  }

  /** STARTING or RUNNING to STOPPING, and to STOPPED once nothing works any more. False when it has ended already. */
  requestStop(run: RunDocument): boolean {
    if (run.state !== "STARTING" && run.state !== "RUNNING") return run.state === "STOPPING";
    this.#update(run.id, { state: "STOPPING" });
    this.#cancel(run.id);
    return true;
  }

  #execute(run: RunDocument): void {
    const work = this.#work(run);
    this.#works.set(run.id, work);
    void work.ended.then((end) => this.#ended(run.id, end));
    // Listed runs can be stopped before they are written down, and so before they work.
    if (this.#runs.get(run.id)?.state === "STOPPING") work.cancel();
  }

  #work(run: RunDocument): Work {
    const { logs, scripts } = this.#deps;
    const running = () => {
      const { state, runningAt } = this.#runs.get(run.id) ?? run;
      const since = runningAt ?? this.#now();
      if (state === "STARTING") this.#update(run.id, { state: "RUNNING", runningAt: since });
      // A stalled run is taken up a second time when it begins its work.
      if (this.#timeouts.has(run.id)) return;
      const timeoutAt = since + run.timeoutMinutes * 60_000;
      this.#timeouts.set(
        run.id,
        atTime(this.#deps.clock, timeoutAt, () => this.#timeOut(run.id)),
      );
    };
    const args = ["--JOB_NAME", run.jobName, "--JOB_RUN_ID", run.id, ...run.scriptArguments];
    const log = (line: string) => logs.append(OUTPUT_LOG, run.id, line);
    return scripts.start({ script: run.script, args }, { started: running, log }, run.fault);
  }

  #timeOut(id: string): void {
    const run = this.#runs.get(id);
    if (run === undefined || !isLive(run) || run.state === "STOPPING") return;
    const error = `Job run exceeded its timeout of ${run.timeoutMinutes} minutes`;
    this.#update(id, { state: "TIMEOUT", endedAt: this.#now(), error });
    this.#cancel(id);
  }

  #cancel(id: string): void {
    this.#works.get(id)?.cancel();
  }

  #ended(id: string, end: WorkEnd): void {
    this.#timeouts.get(id)?.cancel();
    this.#timeouts.delete(id);
    this.#works.delete(id);
    const run = this.#runs.get(id);
    // When local-aws itself stops, its runs do not end: the next start takes them up.
    if (this.#stopped || run === undefined || !isLive(run)) return;
    const endedAt = this.#now();
    const runningAt = run.runningAt ?? endedAt;
    if (run.state === "STOPPING" || end.kind === "cancelled") {
      this.#update(id, { state: "STOPPED", endedAt });
    } else if (end.kind === "succeeded") {
      this.#update(id, { state: "SUCCEEDED", endedAt, runningAt });
    } else {
      this.#deps.logs.append(ERROR_LOG, id, end.error);
      this.#update(id, { state: "FAILED", endedAt, runningAt, error: end.error });
    }
  }

  #update(id: string, change: Partial<RunDocument>): void {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    const changed: RunDocument = { ...run, ...change, modifiedAt: this.#now() };
    this.#runs.set(id, changed);
    this.#deps.journal.put(KIND, id, changed);
  }

  #now(): number {
    return this.#deps.clock.now();
  }
}
