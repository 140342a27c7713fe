import { DAG_DEFAULTS, TASK_DEFAULTS, type DagSpec, type TaskSpec } from "../../engine/core/dag.ts";

export const taskSpec = (taskId: string, changes: Partial<TaskSpec> = {}): TaskSpec => ({
  ...TASK_DEFAULTS,
  weightRule: "absolute",
  taskId,
  operator: "find",
  with: {},
  dependsOn: [],
  triggerRule: "all_success",
  isSetup: false,
  teardownOf: [],
  failsRun: false,
  retries: 0,
  retryDelayMs: 1_000,
  retryBackoff: 1,
  maxRetryDelayMs: 86_400_000,
  timeoutMs: null,
  pool: null,
  poolSlots: 1,
  priority: 1,
  connection: "default",
  region: null,
  onDoubt: "fail",
  ...changes,
});

/** Reads "a -> b -> c; a -> d" into tasks with their upstreams. */
export function tasksOf(text: string, changes: Record<string, Partial<TaskSpec>>): TaskSpec[] {
  const upstreams = new Map<string, Set<string>>();
  for (const chain of text.split(";")) {
    const ids = chain.split("->").map((id) => id.trim());
    ids.forEach((id, index) => {
      const known = upstreams.get(id) ?? new Set<string>();
      upstreams.set(id, known);
      const before = ids[index - 1];
      if (before !== undefined) known.add(before);
    });
  }
  return [...upstreams].map(([id, before]) => taskSpec(id, { dependsOn: [...before], ...changes[id] }));
}

export const dagSpec = (tasks: readonly TaskSpec[], pools: DagSpec["pools"] = {}): DagSpec => ({
  ...DAG_DEFAULTS,
  dagId: "nightly",
  tags: [],
  paused: false,
  schedule: null,
  timezone: "UTC",
  startAt: null,
  endAt: null,
  maxActiveRuns: 1,
  backfillMaxActiveRuns: 1,
  params: {},
  sla: [],
  budget: null,
  notify: [],
  pools,
  tasks,
});
