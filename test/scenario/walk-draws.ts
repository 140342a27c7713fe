import fc from "fast-check";
import { TRIGGER_RULES, type DagSpec, type TaskSpec } from "../../engine/core/dag.ts";
import type { Json } from "../../engine/core/json.ts";
import type { Launch, Observation, Submitted, TaskFailure, Usage } from "../../engine/core/operator.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { dagSpec, taskSpec } from "./scenario.ts";

const LAUNCHES: Record<string, Launch> = {
  find: { kind: "find", visibilityMs: 60_000 },
  token: { kind: "token", ttlMs: 3_600_000, maxLength: 64 },
  name: { kind: "name" },
  sensor: { kind: "sensor" },
  once: { kind: "at_least_once" },
  local: { kind: "in_process" },
};
export const launchOf = (operator: string): Launch => LAUNCHES[operator] ?? { kind: "at_least_once" };

/** Few rows and few launches at a time, so that steps of derived work and full lists happen. */
export const SETTINGS = { ...DEFAULT_SETTINGS, maxNewRowsPerFlush: 2, maxSubmits: 3 };

const task = fc.record({
  edges: fc.array(fc.nat(7), { maxLength: 3 }),
  rule: fc.constantFrom(...TRIGGER_RULES),
  operator: fc.constantFrom(...Object.keys(LAUNCHES)),
  role: fc.constantFrom("plain", "plain", "plain", "mapped", "mapped", "setup", "teardown", "unwanted"),
  retries: fc.nat(2),
  timeoutMs: fc.constantFrom(null, null, 60_000),
  pool: fc.constantFrom(null, "small"),
});
type DrawnTask = typeof task extends fc.Arbitrary<infer T> ? T : never;

/** A random DAG with every kind of task. Edges only point to earlier tasks, so there is no cycle. */
const dag: fc.Arbitrary<DagSpec> = fc
  .record({
    tasks: fc.array(task, { minLength: 1, maxLength: 7, size: "max" }),
    maxActiveTasks: fc.constantFrom(1, 16),
    runTimeoutMs: fc.constantFrom(null, null, 600_000),
    budget: fc.constantFrom(null, null, "stop", "block", "warn"),
  })
  .map(({ tasks, maxActiveTasks, runTimeoutMs, budget }) => ({
    ...dagSpec(tasks.map(specOf), { small: { slots: 1 } }),
    maxActiveTasks,
    runTimeoutMs,
    budget: budget && { perRun: "5", currency: "USD", warnAt: 0.5, onExceeded: budget as "stop" },
  }));

function specOf({ edges, rule, role, ...rest }: DrawnTask, index: number, all: readonly DrawnTask[]): TaskSpec {
  const before = index === 0 ? [] : [...new Set(edges.map((edge) => edge % index))];
  const dependsOn = before.map((each) => `t${each}`);
  const setups = before.filter((each) => all[each]?.role === "setup").map((each) => `t${each}`);
  return taskSpec(`t${index}`, {
    ...rest,
    dependsOn,
    triggerRule: rule,
    isSetup: role === "setup",
    teardownOf: role === "teardown" ? setups : [],
    when: role === "unwanted" ? "false" : null,
    forEach: role === "mapped" ? { items: [], maxParallel: index % 2 === 0 ? 1 : null, label: null } : null,
  });
}

/** One thing that happens; `pick` says to which task, `detail` how. */
const step = fc.record({
  kind: fc.constantFrom(
    ...(["submitted", "submitted", "submitted", "observed", "observed", "observed", "observed"] as const),
    ...(["searched", "not_sent", "due", "late", "clear", "mark", "mark_run", "abandon", "retry_now"] as const),
    ...(["adopt", "cancel", "takeover", "duplicate_cancelled", "time", "time"] as const),
  ),
  pick: fc.nat(30),
  detail: fc.nat(1_000),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export const walks = fc.record({ spec: dag, steps: fc.array(step, { maxLength: 40, size: "max" }) });

const usageOf = (detail: number): { usage: readonly Usage[] } => ({
  usage: [{ kind: "usd", quantity: String(detail % 4), unit: "dollar" }],
});

export const failureOf = (detail: number): TaskFailure => {
  const failureClass = (["retryable", "retryable", "permanent", "capacity", "lost", "resource_gone"] as const)[
    detail % 6
  ];
  return { class: failureClass ?? "permanent", code: "JOB_FAILED", message: "broken" };
};

export function answerOf(detail: number, ref: Json): Submitted {
  const kinds = ["started", "started", "started", "done", "refused", "throttled", "doubt"] as const;
  const kind = kinds[detail % kinds.length] ?? "started";
  switch (kind) {
    case "started":
      return { kind, ref };
    case "done":
      return { kind, output: { rows: 1 }, ...usageOf(detail) };
    case "refused":
      return { kind, failure: failureOf(detail >> 3) };
    default:
      return { kind, message: "slow down" };
  }
}

export function lookOf(detail: number): Observation {
  const kinds = ["running", "succeeded", "succeeded", "failed", "unseen"] as const;
  const kind = kinds[detail % kinds.length] ?? "running";
  switch (kind) {
    case "running":
      return { kind, detail: "RUNNING", ...usageOf(detail >> 3) };
    case "succeeded":
      return {
        kind,
        output: { rows: detail },
        ...(detail % 3 === 0 ? { settleAfterMs: 30_000 } : usageOf(detail >> 3)),
      };
    case "failed":
      return { kind, failure: failureOf(detail >> 3), ...(detail % 2 === 0 ? usageOf(detail >> 3) : {}) };
    case "unseen":
      return { kind };
  }
}
