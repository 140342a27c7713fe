import type { DagSpec } from "../core/dag.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import type { Dependencies } from "./dependencies.ts";
import type { FlatDag } from "./flat-tasks.ts";
import { operatorFindings } from "./operator-checks.ts";
import { paramMistake } from "./params.ts";
import { cycleFindings, groupFindings, nameFindings, scopeFindings } from "./reference-checks.ts";
import { scheduleFindings } from "./schedule-findings.ts";
import type { DagInput } from "./schema.ts";
import type { Finding } from "./schema-issues.ts";
import { invalid } from "./schema-issues.ts";
import { taskFindings } from "./task-checks.ts";

/** Everything the schema cannot see: names that must exist, cycles, values that must fit each other. */
export function dagFindings(
  input: DagInput,
  flat: FlatDag,
  dependencies: Dependencies,
  spec: DagSpec,
  operators: readonly OperatorDescriptor[],
  broken: ReadonlySet<string>,
): Finding[] {
  return [
    ...dateFindings(input, spec),
    ...scheduleFindings(input, spec),
    ...paramFindings(input, spec),
    ...slaFindings(input),
    ...emptyFindings(input, flat, broken),
    ...assetFindings(input, spec),
    ...groupFindings(flat),
    ...nameFindings(flat, dependencies),
    ...cycleFindings(flat, dependencies, spec),
    ...scopeFindings(flat, dependencies),
    ...taskFindings(input, flat, spec, broken),
    ...operatorFindings(flat, operators),
  ];
}

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
  return findings;
}

function paramFindings(input: DagInput, spec: DagSpec): Finding[] {
  return Object.entries(input.params ?? {}).flatMap(([name, { default: value, ...param }]) => {
    if (value === undefined) {
      const needed = spec.schedule !== null || spec.onAssets !== null;
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

/** A DAG has at least one task, in `tasks` or in a group. */
function emptyFindings(input: DagInput, { tasks }: FlatDag, broken: ReadonlySet<string>): Finding[] {
  if (tasks.length > 0 || broken.has("tasks") || broken.has("groups")) return [];
  if (input.groups !== undefined && Object.keys(input.groups).length > 0) return [];
  return input.tasks === undefined
    ? [{ code: "DAG_MISSING_KEY", path: ["tasks"], part: "key", message: "tasks: this key is missing" }]
    : [invalid(["tasks"], "tasks: expected at least one task")];
}

/** Runs that begin when the last has ended leave nothing for assets to start. */
function assetFindings(input: DagInput, { schedule, onAssets }: DagSpec): Finding[] {
  if (onAssets === null || schedule === null || !schedule.isContinuous || input.on_assets === undefined) return [];
  return [invalid(["on_assets"], "on_assets: a @continuous DAG runs all the time, whatever changes", "key")];
}
