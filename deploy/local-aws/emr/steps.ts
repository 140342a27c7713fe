import type { StepConfig } from "@aws-sdk/client-emr";
import type { ComputeDependencies } from "../compute/dependencies.ts";
import { afterRestart } from "../compute/stall.ts";
import type { WorkEnd } from "../runner-pool.ts";
import { newId, type ClusterDocument, type StepDocument } from "./documents.ts";
import { startStep, writeStepLogs, type StepWork } from "./step-work.ts";

const KIND = "emr.step";

/** The steps of all clusters, and what executes the running ones. Each change is a new document in the journal. */
export class Steps {
  readonly #deps: ComputeDependencies;
  readonly #ended: (step: StepDocument) => void;
  /** In order of arrival. */
  readonly #steps = new Map<string, StepDocument>();
  readonly #byCluster = new Map<string, Set<string>>();
  readonly #works = new Map<string, StepWork>();
  #stopped = false;

  constructor(deps: ComputeDependencies, ended: (step: StepDocument) => void) {
    this.#deps = deps;
    this.#ended = ended;
    const kept = [...deps.journal.all(KIND).values()] as StepDocument[];
    for (const step of kept.sort((a, b) => a.order - b.order)) this.#add(step);
  }

  resume(): void {
    for (const step of this.#steps.values()) {
      if (step.state === "CANCEL_PENDING")
        this.#update(step.id, { state: "CANCELLED", endedAt: this.#deps.clock.now() });
      if (step.state === "RUNNING") this.#execute({ ...step, fault: afterRestart(step.fault) });
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const work of this.#works.values()) work.cancel();
    for (const work of [...this.#works.values()]) await work.ended;
  }

  all(): readonly StepDocument[] {
    return [...this.#steps.values()];
  }

  ofCluster(clusterId: string): readonly StepDocument[] {
    const ids = [...(this.#byCluster.get(clusterId) ?? [])];
    return ids.flatMap((id) => this.#steps.get(id) ?? []);
  }

  #add(step: StepDocument): void {
    this.#steps.set(step.id, step);
    const ids = this.#byCluster.get(step.clusterId) ?? new Set();
    this.#byCluster.set(step.clusterId, ids.add(step.id));
  }

  find(clusterId: string, id: string): StepDocument | null {
    const step = this.#steps.get(id);
    return step?.clusterId === clusterId ? step : null;
  }

  /** Something of the cluster runs or waits to run. */
  isBusy(clusterId: string): boolean {
    return this.ofCluster(clusterId).some(({ state }) => ["PENDING", "RUNNING", "CANCEL_PENDING"].includes(state));
  }

  add(cluster: ClusterDocument, configs: readonly StepConfig[]): readonly string[] {
    const logs = cluster.request.LogUri?.replace(/^s3[an]:/, "s3:").replace(/\/*$/, "/");
    return configs.map((config) => {
      const id = newId("s");
      const step: StepDocument = {
        id,
        clusterId: cluster.id,
        order: this.#steps.size,
        config,
        state: "PENDING",
        error: null,
        logUri: logs === undefined ? null : `${logs}${cluster.id}/steps/${id}/`,
        createdAt: this.#deps.clock.now(),
        startedAt: null,
        endedAt: null,
        fault: this.#deps.faults.takeForJob(["fail_run", "stall_run"], "EMR.AddJobFlowSteps", config),
      };
      this.#add(step);
      this.#deps.journal.put(KIND, id, step);
      return id;
    });
  }

  /** Takes back steps that could not be written down. */
  forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#byCluster.get(this.#steps.get(id)?.clusterId ?? "")?.delete(id);
      this.#steps.delete(id);
      this.#deps.journal.put(KIND, id, null);
    }
  }

  /** Starts pending steps in their order, up to `concurrency` at a time. */
  startNext(cluster: ClusterDocument, concurrency: number): void {
    const steps = this.ofCluster(cluster.id);
    let free = concurrency - steps.filter(({ state }) => state === "RUNNING" || state === "CANCEL_PENDING").length;
    for (const step of steps) {
      if (step.state !== "PENDING" || free-- <= 0) continue;
      this.#execute(this.#update(step.id, { state: "RUNNING", startedAt: this.#deps.clock.now() }) ?? step);
    }
  }

  /** False when the step has ended or is ending already. */
  cancel(step: StepDocument): boolean {
    if (step.state === "PENDING") {
      this.#update(step.id, { state: "CANCELLED", endedAt: this.#deps.clock.now() });
      return true;
    }
    if (step.state !== "RUNNING") return false;
    this.#update(step.id, { state: "CANCEL_PENDING" });
    this.#works.get(step.id)?.cancel();
    return true;
  }

  cancelAll(clusterId: string): void {
    for (const step of this.ofCluster(clusterId)) this.cancel(step);
  }

  #execute(step: StepDocument): void {
    const work = startStep(step.config, this.#deps.scripts, step.fault);
    this.#works.set(step.id, work);
    void work.ended.then((end) => this.#end(step.id, end, work.lines));
  }

  async #end(id: string, end: WorkEnd, lines: readonly string[]): Promise<void> {
    const error = end.kind === "failed" ? end.error : null;
    const state = () => {
      const cancelled = end.kind === "cancelled" || this.#steps.get(id)?.state === "CANCEL_PENDING";
      return cancelled ? "CANCELLED" : error === null ? "COMPLETED" : "FAILED";
    };
    const { logUri = null } = this.#steps.get(id) ?? {};
    // Before the step is seen to end, so that whoever then looks for the log finds it.
    if (logUri !== null && !this.#stopped) {
      await writeStepLogs(this.#deps.s3, logUri, lines, error, state()).catch((failure: Error) =>
        process.stderr.write(`local-aws: the logs of step ${id} are lost: ${failure.message}\n`),
      );
    }
    this.#works.delete(id);
    // When local-aws itself stops, its steps do not end: the next start takes them up.
    if (this.#stopped) return;
    const step = this.#update(id, { state: state(), error, endedAt: this.#deps.clock.now() });
    if (step !== null) this.#ended(step);
  }

  #update(id: string, change: Partial<StepDocument>): StepDocument | null {
    const step = this.#steps.get(id);
    if (step === undefined) return null;
    const changed = { ...step, ...change };
    this.#steps.set(id, changed);
    this.#deps.journal.put(KIND, id, changed);
    return changed;
  }
}
