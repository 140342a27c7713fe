import { assetsOf } from "../core/assets/expression.ts";
import type { DagSpec, TaskSpec } from "../core/dag.ts";
import { FAILURE_CLASSES, RETRY_CAUSES } from "./task-schema.ts";
import type { FlatDag, FlatTask } from "./flat-tasks.ts";
import { originOf } from "./flat-tasks.ts";
import { findLiteralMistake } from "./for-each.ts";
import type { DagInput } from "./schema.ts";
import type { Finding } from "./schema-issues.ts";
import { invalid, suggestion } from "./schema-issues.ts";
import { isTemplated } from "./template.ts";
import { namesTasks } from "./template-names.ts";
import type { Path } from "./yaml-document.ts";

/** A task as written and as the engine runs it. */
interface Checked {
  readonly flat: FlatTask;
  readonly spec: TaskSpec;
  readonly isTeardown: boolean;
}

/** Keys of tasks that contradict each other or do nothing. */
export function taskFindings(input: DagInput, dag: FlatDag, spec: DagSpec, broken: ReadonlySet<string>): Finding[] {
  const checked = dag.tasks.flatMap((flat, index): Checked[] => {
    const task = spec.tasks[index];
    return task === undefined ? [] : [{ flat, spec: task, isTeardown: (flat.task.teardown_of ?? []).length > 0 }];
  });
  return [
    ...checked.flatMap(teardownFindings),
    ...checked.flatMap(mappingFindings),
    ...checked.flatMap(retryFindings),
    ...checked.flatMap((each) => assetFindings(each, spec)),
    ...(broken.has("defaults") ? [] : retryOnDefaults(input, dag)),
    ...(broken.has("schedule") || broken.has("defaults") ? [] : pastFindings(dag, checked, spec)),
    ...(broken.has("pools") || broken.has("defaults") ? [] : checked.flatMap((each) => poolFindings(dag, each, spec))),
  ];
}

const at = ({ flat }: Checked, ...rest: Path): Path => [...flat.path, ...rest];

function teardownFindings(checked: Checked): Finding[] {
  const { task } = checked.flat;
  if (!checked.isTeardown) {
    const message = "fails_run: it does something only with teardown_of";
    return task.fails_run === undefined ? [] : [invalid(at(checked, "fails_run"), message, "key")];
  }
  const refused = [
    ["trigger_rule", "a teardown runs whenever a setup of its own succeeded"],
    ["when", "a teardown runs whenever a setup of its own succeeded"],
    ["for_each", "a teardown cannot be mapped"],
    ["depends_on_past", "a teardown runs whatever became of earlier runs"],
    ["wait_for_downstream", "a teardown runs whatever became of earlier runs"],
  ] as const;
  return refused.flatMap(([key, why]) =>
    task[key] === undefined || task[key] === false ? [] : [invalid(at(checked, key), `${key}: ${why}`, "key")],
  );
}

function mappingFindings(checked: Checked): Finding[] {
  const { flat, spec, isTeardown } = checked;
  const findings: Finding[] = [];
  if (spec.when !== null && !isTemplated(spec.when)) {
    const message = `when: without a template it is always the same; write ${JSON.stringify(`{{ ${spec.when} }}`)}`;
    findings.push(invalid(at(checked, "when"), message));
  }
  if (spec.forEach === null || isTeardown) return findings;
  if (spec.isSetup) findings.push(invalid(at(checked, "for_each"), "for_each: a setup cannot be mapped", "key"));
  if (spec.operator === "branch" || spec.operator === "short_circuit") {
    const message = `for_each: a ${spec.operator} cannot be mapped: its instances would contradict one another`;
    findings.push(invalid(at(checked, "for_each"), message, "key"));
  }
  const mistake = findLiteralMistake(spec.forEach.items);
  if (mistake !== null) findings.push(invalid(at(checked, "for_each"), `for_each: ${mistake}`));
  if (spec.triggerRule === "always" && namesTasks(spec.forEach.items) && flat.task.trigger_rule !== undefined) {
    const message = "trigger_rule: always would not wait for the output that for_each needs";
    findings.push(invalid(at(checked, "trigger_rule"), message));
  }
  return findings;
}

function causeFindings(causes: readonly string[], path: Path): Finding[] {
  return causes.flatMap((cause, index) => {
    if (RETRY_CAUSES.includes(cause)) return [];
    const message = `${cause}: no failure class (${FAILURE_CLASSES.join(", ")}) and no error code`;
    return [{ ...invalid([...path, index], message), ...suggestion(cause, RETRY_CAUSES) }];
  });
}

function retryFindings(checked: Checked): Finding[] {
  const causes = checked.flat.task.retry_on;
  if (causes === undefined) return [];
  const path = at(checked, "retry_on");
  const useless = checked.spec.retries === 0 ? [invalid(path, "retry_on: it does nothing without retries", "key")] : [];
  return [...useless, ...causeFindings(causes, path)];
}

/** The causes that the DAG's and the groups' defaults name. */
function retryOnDefaults({ defaults }: DagInput, { groups }: FlatDag): Finding[] {
  const named = groups.flatMap(({ group, path }) =>
    causeFindings(group.defaults?.retry_on ?? [], [...path, "defaults", "retry_on"]),
  );
  return [...causeFindings(defaults?.retry_on ?? [], ["defaults", "retry_on"]), ...named];
}

function assetFindings(checked: Checked, { onAssets }: DagSpec): Finding[] {
  const assets = checked.flat.task.produces ?? [];
  const awaited = onAssets === null ? new Set<string>() : assetsOf(onAssets);
  return assets.flatMap((asset, index) => {
    const path = at(checked, "produces", index);
    if (assets.indexOf(asset) < index) return [invalid(path, `${asset}: it is here twice`)];
    const again = `${asset}: on_assets waits for it, so that each run would start the next one without end`;
    return awaited.has(asset) ? [invalid(path, again)] : [];
  });
}

/** Without a schedule there is no run before this one to look back at. */
function pastFindings(dag: FlatDag, checked: readonly Checked[], spec: DagSpec): Finding[] {
  if (spec.schedule !== null) return [];
  const found = checked.flatMap(({ flat, spec: task }) =>
    (["depends_on_past", "wait_for_downstream"] as const).flatMap((key) => {
      const isSet =
        key === "wait_for_downstream" ? task.waitForDownstream : task.dependsOnPast && !task.waitForDownstream;
      return isSet ? [invalid(originOf(dag, flat, key), `${key}: it does nothing without a schedule`, "key")] : [];
    }),
  );
  // What defaults say is said once.
  return found.filter((each, index) => found.findIndex(({ path }) => path.join() === each.path.join()) === index);
}

function poolFindings(dag: FlatDag, checked: Checked, { pools }: DagSpec): Finding[] {
  const { flat, spec } = checked;
  const { pool, poolSlots } = spec;
  if (pool === null) {
    const useless = flat.task.pool_slots !== undefined;
    return useless ? [invalid(at(checked, "pool_slots"), "pool_slots: it does nothing without pool", "key")] : [];
  }
  const slots = Object.hasOwn(pools, pool) ? pools[pool]?.slots : undefined;
  if (slots === undefined) {
    const path = originOf(dag, flat, "pool");
    const message = `${pool}: no such pool`;
    return [{ code: "DAG_POOL", path, part: "value", message, ...suggestion(pool, Object.keys(pools)) }];
  }
  if (poolSlots <= slots) return [];
  const message = `pool_slots: ${poolSlots} of a pool (${pool}) that has ${slots}`;
  return [{ code: "DAG_POOL", path: at(checked, "pool_slots"), part: "value", message }];
}
