import { z } from "zod";
import type { Json } from "../../engine/core/json.ts";
import type { Launch, Observation, Operator, OperatorDescriptor, Submitted } from "../../engine/core/operator.ts";

interface Job {
  readonly id: string;
  readonly launchKey: string;
  readonly taskId: string;
  state: "running" | "succeeded" | "failed" | "stopped";
}

/** How the next submits of a task go; each item is used once. */
export type Mishap = "lost_reply" | "never_arrives" | "throttled" | "refused";

/** A remote service in memory: it keeps jobs by id, whatever becomes of its clients. */
export class FakeService {
  readonly jobs: Job[] = [];
  readonly mishaps = new Map<string, Mishap[]>();
  /** Tasks whose jobs end only when a test says so. */
  readonly held = new Set<string>();
  /** Tasks whose jobs do not stop when they are asked to. */
  readonly deaf = new Set<string>();
  readonly failures = new Map<string, number>();
  submits = 0;

  descriptor(type: string, launch: Launch): OperatorDescriptor {
    const operator = this.operator(type, launch);
    return { type, summary: "a fake", params: z.any(), launch, fileFields: [], load: async () => operator };
  }

  jobsOf(taskId: string): Job[] {
    return this.jobs.filter((job) => job.taskId === taskId);
  }

  private operator(type: string, launch: Launch): Operator<Json, string> {
    return {
      type,
      summary: "a fake",
      params: z.any(),
      launch,
      batchSize: 10,
      submit: async (_params, context): Promise<Submitted<string>> => {
        this.submits++;
        const mishap = this.mishaps.get(context.taskId)?.shift();
        if (mishap === "throttled") return { kind: "throttled", message: "slow down", retryAfterMs: 10 };
        if (mishap === "refused") {
          return { kind: "refused", failure: { class: "denied", code: "AWS_DENIED", message: "no glue:StartJobRun" } };
        }
        if (mishap === "never_arrives") return { kind: "doubt", message: "connection reset" };
        const known = this.jobs.find((job) => job.launchKey === context.launchKey);
        const id = `job-${this.jobs.length}`;
        if (!known || launch.kind !== "token") {
          this.jobs.push({ id, launchKey: context.launchKey, taskId: context.taskId, state: "running" });
        }
        if (mishap === "lost_reply") return { kind: "doubt", message: "connection reset after the request" };
        return { kind: "started", ref: known?.id ?? id };
      },
      find: async (_params, context) =>
        this.jobs.filter((job) => job.launchKey === context.launchKey).map((job) => job.id),
      observe: async (watched) => watched.map(({ ref, context }) => this.look(ref, context.taskId)),
      cancel: async (ref) => {
        const job = this.jobs.find((each) => each.id === ref);
        if (job?.state === "running" && !this.deaf.has(job.taskId)) job.state = "stopped";
      },
      logTail: async () => ["last words"],
    };
  }

  private look(ref: string, taskId: string): Observation {
    const job = this.jobs.find((each) => each.id === ref);
    if (!job) return { kind: "unseen" };
    if (job.state === "running" && !this.held.has(taskId)) {
      const failures = this.failures.get(taskId) ?? 0;
      this.failures.set(taskId, failures - 1);
      job.state = failures > 0 ? "failed" : "succeeded";
    }
    if (job.state === "running") return { kind: "running", detail: "RUNNING" };
    if (job.state === "succeeded") return { kind: "succeeded", output: { id: job.id } };
    const message = job.state === "stopped" ? "STOPPED" : "exit 1";
    return { kind: "failed", failure: { class: "retryable", code: "JOB_FAILED", message } };
  }
}
