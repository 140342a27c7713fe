import { createHash } from "node:crypto";
import { DAG_DEFAULTS, TASK_DEFAULTS, type DagSpec, type LoadedDag, type TaskSpec } from "../../engine/core/dag.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** More than any benchmark has at a time. */
const NO_LIMIT = 100_000;

const BARE_TASK: Omit<TaskSpec, "taskId"> = {
  ...TASK_DEFAULTS,
  operator: "noop",
  with: {},
  dependsOn: [],
  triggerRule: "all_success",
  isSetup: false,
  teardownOf: [],
  failsRun: false,
  retries: 0,
  retryDelayMs: 1_000,
  retryBackoff: 1,
  maxRetryDelayMs: 1_000,
  timeoutMs: null,
  pool: null,
  poolSlots: 1,
  priority: 1,
  connection: "default",
  region: null,
  onDoubt: "fail",
};

const BARE_DAG: Omit<DagSpec, "dagId" | "tasks"> = {
  ...DAG_DEFAULTS,
  tags: [],
  paused: false,
  schedule: null,
  timezone: "UTC",
  startAt: null,
  endAt: null,
  maxActiveRuns: NO_LIMIT,
  maxActiveTasks: NO_LIMIT,
  backfillMaxActiveRuns: NO_LIMIT,
  params: {},
  sla: [],
  budget: null,
  notify: [],
  pools: {},
};

/** A task of a benchmark: a no-op without retries unless it says otherwise. */
export type BenchTask = Pick<TaskSpec, "taskId"> & Partial<TaskSpec>;

/** A DAG of a benchmark, as read from a file: no schedule and room for every run unless it says otherwise. */
export function dagOf(dagId: string, tasks: readonly BenchTask[], more: Partial<DagSpec> = {}): LoadedDag {
  const spec: DagSpec = {
    ...BARE_DAG,
    ...more,
    dagId,
    tasks: tasks.map((task) => ({ ...BARE_TASK, ...task })),
  };
  return {
    spec,
    versionHash: sha256(JSON.stringify(spec)),
    source: { file: `dags/${dagId}.yaml`, text: `dag: ${dagId}` },
    files: [],
  };
}

/** t0 -> t1 -> … */
export const chain = (length: number): BenchTask[] =>
  Array.from({ length }, (_, index) => ({ taskId: `t${index}`, dependsOn: index === 0 ? [] : [`t${index - 1}`] }));

/** One task, `width` that wait for it, and one that waits for all of those. */
export const fan = (width: number): BenchTask[] => {
  const middle = Array.from({ length: width }, (_, index) => `m${index}`);
  return [
    { taskId: "first" },
    ...middle.map((taskId) => ({ taskId, dependsOn: ["first"] })),
    { taskId: "last", dependsOn: middle },
  ];
};

/** Tasks that wait for nothing. */
export const wide = (width: number): BenchTask[] =>
  Array.from({ length: width }, (_, index) => ({ taskId: `w${index}` }));
