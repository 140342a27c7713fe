import type { DagSpec } from "../core/dag.ts";
import { ancestorsOf, findCycles } from "../core/graph/dag-graph.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import { paramMistake } from "./params.ts";
import { isPlaceholder } from "./salvage.ts";
import type { DagInput } from "./schema.ts";
import type { Finding } from "./schema-issues.ts";
import { suggestion } from "./schema-issues.ts";
import { unrenderedFindings } from "./with-params.ts";
import type { Path } from "./yaml-document.ts";

/** Everything the schema cannot see: names that must exist, cycles, values that must fit each other. */
export function dagFindings(
  input: DagInput,
  spec: DagSpec,
  operators: readonly OperatorDescriptor[],
  broken: ReadonlySet<string>,
): Finding[] {
  return [
    ...dateFindings(input, spec),
    ...paramFindings(input),
    ...slaFindings(input),
    ...referenceFindings(input),
    ...cycleFindings(input, spec),
    ...teardownFindings(input, spec),
    ...(broken.has("pools") || broken.has("defaults") ? [] : poolFindings(input, spec)),
    ...operatorFindings(input, operators),
  ];
}

const invalid = (path: Path, message: string, part: Finding["part"] = "value"): Finding => ({
  code: "DAG_INVALID",
  path,
  part,
  message,
});

function dateFindings(input: DagInput, spec: DagSpec): Finding[] {
  const findings: Finding[] = [];
  for (const [key, at] of [
    ["start_date", spec.startAt],
    ["end_date", spec.endAt],
  ] as const) {
    if (input[key] !== undefined && at === null) {
      findings.push(
        invalid([key], `${key}: expected a date such as 2026-01-31 or 2026-01-31T02:00, got ${input[key]}`),
      );
    }
  }
  if (spec.startAt !== null && spec.endAt !== null && spec.endAt < spec.startAt) {
    findings.push(invalid(["end_date"], "end_date: it lies before start_date"));
  }
  if (input.schedule?.catchup !== undefined && input.schedule.cron === undefined) {
    findings.push(invalid(["schedule", "catchup"], "catchup: it does nothing without cron", "key"));
  }
  return findings;
}

function paramFindings(input: DagInput): Finding[] {
  return Object.entries(input.params ?? {}).flatMap(([name, { default: value, ...param }]) => {
    if (value === undefined) {
      const needed = input.schedule?.cron !== undefined;
      return needed ? [invalid(["params", name], `${name}: a scheduled DAG needs a default here`, "key")] : [];
    }
    const mistake = paramMistake(param as Parameters<typeof paramMistake>[0], value);
    return mistake === null ? [] : [invalid(["params", name, "default"], `${name}.default: ${mistake}`)];
  });
}

function slaFindings({ sla = [] }: DagInput): Finding[] {
  return sla.flatMap(({ name }, index) =>
    sla.findIndex((rule) => rule.name === name) < index
      ? [invalid(["sla", index, "name"], `${name}: another sla rule has this name`)]
      : [],
  );
}

function referenceFindings(input: DagInput): Finding[] {
  const ids = Object.keys(input.tasks);
  return Object.entries(input.tasks).flatMap(([taskId, task]) =>
    (["depends_on", "setup_for", "teardown_of"] as const).flatMap((key) =>
      (task[key] ?? []).flatMap((name, index): Finding[] =>
        ids.includes(name)
          ? []
          : [
              {
                code: "DAG_UNKNOWN_TASK",
                path: ["tasks", taskId, key, index],
                part: "value",
                message: `${name}: no such task in ${key}`,
                ...suggestion(name, ids),
              },
            ],
      ),
    ),
  );
}

function cycleFindings(input: DagInput, spec: DagSpec): Finding[] {
  return findCycles(spec.tasks).map((cycle) => {
    const [from = "", to = ""] = cycle;
    return { code: "DAG_CYCLE", path: edgePath(input, from, to), part: "value", message: cycle.join(" -> ") };
  });
}

/** Where the file says that `to` waits for `from`. */
function edgePath(input: DagInput, from: string, to: string): Path {
  const places = [
    [to, "depends_on", from],
    [to, "teardown_of", from],
    [from, "setup_for", to],
  ] as const;
  for (const [taskId, key, name] of places) {
    const index = input.tasks[taskId]?.[key]?.indexOf(name) ?? -1;
    if (index >= 0) return ["tasks", taskId, key, index];
  }
  return ["tasks", to];
}

function teardownFindings(input: DagInput, spec: DagSpec): Finding[] {
  return spec.tasks.flatMap(({ taskId, teardownOf }) => {
    const task = input.tasks[taskId];
    const isTeardown = teardownOf.length > 0;
    const findings: Finding[] = [];
    if (!isTeardown && task?.fails_run !== undefined) {
      findings.push(
        invalid(["tasks", taskId, "fails_run"], "fails_run: it does something only with teardown_of", "key"),
      );
    }
    if (isTeardown && task?.trigger_rule !== undefined) {
      const message = "trigger_rule: a teardown runs whenever a setup of its own succeeded";
      findings.push(invalid(["tasks", taskId, "trigger_rule"], message, "key"));
    }
    return findings;
  });
}

function poolFindings(input: DagInput, spec: DagSpec): Finding[] {
  return spec.tasks.flatMap(({ taskId, pool, poolSlots }): Finding[] => {
    const own = input.tasks[taskId]?.pool !== undefined;
    if (pool === null) {
      const useless = input.tasks[taskId]?.pool_slots !== undefined;
      return useless
        ? [invalid(["tasks", taskId, "pool_slots"], "pool_slots: it does nothing without pool", "key")]
        : [];
    }
    const slots = Object.hasOwn(spec.pools, pool) ? spec.pools[pool]?.slots : undefined;
    if (slots === undefined) {
      const path = own ? ["tasks", taskId, "pool"] : ["defaults", "pool"];
      const message = `${pool}: no such pool`;
      return [{ code: "DAG_POOL", path, part: "value", message, ...suggestion(pool, Object.keys(spec.pools)) }];
    }
    if (poolSlots <= slots) return [];
    const message = `pool_slots: ${poolSlots} of a pool (${pool}) that has ${slots}`;
    return [{ code: "DAG_POOL", path: ["tasks", taskId, "pool_slots"], part: "value", message }];
  });
}

function operatorFindings(input: DagInput, operators: readonly OperatorDescriptor[]): Finding[] {
  const types = operators.map((each) => each.type);
  return Object.entries(input.tasks).flatMap(([taskId, task]): Finding[] => {
    const descriptor = operators.find((each) => each.type === task.operator);
    if (descriptor === undefined) {
      if (isPlaceholder(task.operator)) return [];
      const message = `${task.operator}: no such operator; there are ${types.join(", ")}`;
      const path = ["tasks", taskId, "operator"];
      return [{ code: "DAG_UNKNOWN_OPERATOR", path, part: "value", message, ...suggestion(task.operator, types) }];
    }
    return unrenderedFindings(descriptor.params, task.with ?? {}).map((finding) => ({
      ...finding,
      ...(finding.path.length === 1 ? parameterMessage(finding, task.operator) : {}),
      path: ["tasks", taskId, "with", ...finding.path],
    }));
  });
}

function parameterMessage({ code, path, message }: Finding, operator: string): { message: string } {
  if (code === "DAG_UNKNOWN_KEY") return { message: `${path[0]}: ${operator} has no such parameter` };
  return { message: code === "DAG_MISSING_KEY" ? `${path[0]}: ${operator} needs this parameter` : message };
}

/** Tasks whose output a task's templates may read. */
export const readableTasks = (spec: DagSpec, taskId: string): ReadonlySet<string> => ancestorsOf(spec.tasks, taskId);
