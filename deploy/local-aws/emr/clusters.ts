import type { RunJobFlowInput, StepConfig, Tag } from "@aws-sdk/client-emr";
import { atTime } from "../compute/deadline.ts";
import type { ComputeDependencies } from "../compute/dependencies.ts";
import { hasEnded, isOpen, newId, type ClusterDocument, type StepDocument } from "./documents.ts";
import { Steps } from "./steps.ts";

const KIND = "emr.cluster";
const NO_CAPACITY = "fault: insufficient capacity: EC2 has no instances of the requested type available";

/** Every cluster and its way from STARTING to TERMINATED. Each change is a new document in the journal. */
export class Clusters {
  readonly #deps: ComputeDependencies;
  readonly #clusters = new Map<string, ClusterDocument>();
  readonly #idle = new Map<string, { cancel(): void }>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly steps: Steps;
  #stopped = false;

  constructor(deps: ComputeDependencies) {
    this.#deps = deps;
    const kept = [...deps.journal.all(KIND).values()] as ClusterDocument[];
    for (const cluster of kept.sort((a, b) => a.createdAt - b.createdAt)) this.#clusters.set(cluster.id, cluster);
    this.steps = new Steps(deps, (step) => this.#stepEnded(step));
  }

  /** Clusters come back as they were; steps that were running run again from the start, under their own id. */
  resume(): void {
    this.steps.resume();
    for (const cluster of this.#clusters.values()) {
      if (hasEnded(cluster)) continue;
      if (cluster.state === "TERMINATING") this.#finish(cluster.id);
      else if (cluster.readyAt === null) this.#boot(cluster.id);
      else this.#advance(cluster.id);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const idle of this.#idle.values()) idle.cancel();
    await this.steps.stop();
  }

  /** Oldest first. */
  all(): readonly ClusterDocument[] {
    return [...this.#clusters.values()];
  }

  find(id: string): ClusterDocument | null {
    return this.#clusters.get(id) ?? null;
  }

  async create({ Steps: steps = [], Tags: tags = [], ...request }: RunJobFlowInput): Promise<ClusterDocument> {
    const id = newId("j");
    const { journal, region, accountId, faults } = this.#deps;
    const cluster: ClusterDocument = {
      id,
      arn: `arn:aws:elasticmapreduce:${region}:${accountId}:cluster/${id}`,
      request,
      tags,
      state: "STARTING",
      reason: null,
      errorCode: null,
      createdAt: this.#deps.clock.now(),
      readyAt: null,
      endedAt: null,
      fault: faults.takeForJob(["capacity"], "EMR.RunJobFlow", request),
    };
    this.#clusters.set(id, cluster);
    journal.put(KIND, id, cluster);
    const added = this.steps.add(cluster, steps);
    await journal.flushed().catch((error: unknown) => {
      // The client was told that nothing was started.
      this.steps.forget(added);
      this.#clusters.delete(id);
      journal.put(KIND, id, null);
      throw error;
    });
    this.#boot(id);
    return cluster;
  }

  /** The ids of the new steps, in order. */
  async addSteps(cluster: ClusterDocument, configs: readonly StepConfig[]): Promise<readonly string[]> {
    const ids = this.steps.add(cluster, configs);
    await this.#deps.journal.flushed().catch((error: unknown) => {
      this.steps.forget(ids);
      throw error;
    });
    this.#advance(cluster.id);
    return ids;
  }

  addTags(cluster: ClusterDocument, tags: readonly Tag[]): void {
    const kept = cluster.tags.filter(({ Key }) => !tags.some((tag) => tag.Key === Key));
    this.#update(cluster.id, { tags: [...kept, ...tags] });
  }

  terminate(id: string, reason: NonNullable<ClusterDocument["reason"]>, errorCode: string | null = null): void {
    const cluster = this.#clusters.get(id);
    if (cluster === undefined || !isOpen(cluster)) return;
    this.#update(id, { state: "TERMINATING", reason, errorCode });
    this.#finish(id);
  }

  #boot(id: string): void {
    this.#after(() => {
      if (this.find(id)?.fault?.kind === "capacity") {
        const reason = { Code: "INTERNAL_ERROR", Message: NO_CAPACITY } as const;
        this.terminate(id, reason, "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ");
        return;
      }
      if (!this.#open(id)) return;
      this.#update(id, { state: "BOOTSTRAPPING" });
      this.#after(() => {
        if (!this.#open(id)) return;
        this.#update(id, { readyAt: this.#deps.clock.now(), state: "RUNNING" });
        this.#advance(id);
      });
    });
  }

  /** Starts the steps that may run; a cluster with nothing to do waits or, if it was not to be kept, ends. */
  #advance(id: string): void {
    const cluster = this.#clusters.get(id);
    if (this.#stopped || cluster === undefined || !isOpen(cluster) || cluster.readyAt === null) return;
    this.steps.startNext(cluster, cluster.request.StepConcurrencyLevel ?? 1);
    const busy = this.steps.isBusy(id);
    if (busy) this.#idle.get(id)?.cancel();
    if (!busy && cluster.request.Instances?.KeepJobFlowAliveWhenNoSteps !== true) {
      this.terminate(id, { Code: "ALL_STEPS_COMPLETED", Message: "Steps completed" });
    } else if (cluster.state !== (busy ? "RUNNING" : "WAITING")) {
      this.#update(id, { state: busy ? "RUNNING" : "WAITING" });
      if (!busy) this.#watchIdle(cluster);
    } else if (!busy && !this.#idle.has(id)) {
      this.#watchIdle(cluster);
    }
  }

  #watchIdle(cluster: ClusterDocument): void {
    const seconds = cluster.request.AutoTerminationPolicy?.IdleTimeout;
    if (seconds === undefined) return;
    const { clock } = this.#deps;
    const idle = atTime(clock, clock.now() + seconds * 1000, () => {
      const Message = "The cluster was terminated because it was idle for the time of its auto-termination policy";
      this.terminate(cluster.id, { Code: "USER_REQUEST", Message });
    });
    this.#idle.get(cluster.id)?.cancel();
    this.#idle.set(cluster.id, idle);
  }

  #stepEnded(step: StepDocument): void {
    const action = step.config.ActionOnFailure ?? "TERMINATE_CLUSTER";
    if (step.state === "FAILED" && action.startsWith("TERMINATE")) {
      this.terminate(step.clusterId, { Code: "STEP_FAILURE", Message: "Shut down as step failed" });
    } else {
      if (step.state === "FAILED" && action === "CANCEL_AND_WAIT") this.steps.cancelAll(step.clusterId);
      this.#advance(step.clusterId);
    }
    const cluster = this.find(step.clusterId);
    if (cluster?.state === "TERMINATING") this.#finish(cluster.id);
  }

  /** Ends a terminating cluster once none of its steps works any more. */
  #finish(id: string): void {
    this.#idle.get(id)?.cancel();
    this.#idle.delete(id);
    this.steps.cancelAll(id);
    if (this.steps.isBusy(id)) return;
    this.#after(() => {
      const cluster = this.find(id);
      if (cluster?.state !== "TERMINATING") return;
      const failed = cluster.reason?.Code === "STEP_FAILURE" || cluster.reason?.Code === "INTERNAL_ERROR";
      this.#update(id, { state: failed ? "TERMINATED_WITH_ERRORS" : "TERMINATED", endedAt: this.#deps.clock.now() });
    });
  }

  #open(id: string): boolean {
    const cluster = this.find(id);
    return cluster !== null && isOpen(cluster);
  }

  #after(act: () => void): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, this.#deps.clusterLatencyMs);
    this.#timers.add(timer);
  }

  #update(id: string, change: Partial<ClusterDocument>): void {
    const cluster = this.#clusters.get(id);
    if (cluster === undefined) return;
    const changed = { ...cluster, ...change };
    this.#clusters.set(id, changed);
    this.#deps.journal.put(KIND, id, changed);
  }
}
