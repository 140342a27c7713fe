import { z } from "zod";
import { TRIGGER_RULES, WEIGHT_RULES } from "../core/dag.ts";
import { ERRORS } from "../core/errors.ts";
import type { FailureClass } from "../core/operator.ts";
import { assetName } from "./asset-expression.ts";
import { count, duration, id, json, names, positiveDuration, some } from "./schema-values.ts";

/** What a task, and a group of tasks, may say. */

export const FAILURE_CLASSES = Object.keys({
  retryable: true,
  permanent: true,
  denied: true,
  capacity: true,
  resource_gone: true,
  lost: true,
} satisfies Record<FailureClass, true>);

/** What retry_on may name; dag-checks refuses others with a better spelling. */
export const RETRY_CAUSES: readonly string[] = [...FAILURE_CLASSES, ...Object.keys(ERRORS)];

const aws = z.strictObject({
  connection: z.string().optional().describe("A connection of nocturne.yaml"),
  region: z.string().optional(),
});

/** Keys that `defaults` may say for many tasks. */
export const repeated = {
  retries: z.int().min(0).max(1_000).optional().describe("Attempts after the first; default 0, a teardown's 10"),
  retry_delay: duration.optional().describe("Default 5m"),
  retry_backoff: z.number().min(1).max(1_000).optional().describe("Each delay is this many times the last; default 1"),
  max_retry_delay: positiveDuration.optional().describe("Default 1d"),
  retry_on: some(z.string().meta({ examples: FAILURE_CLASSES }), "failure class or error code")
    .optional()
    .describe("Failure classes and error codes that another try may help; default: the engine's own judgement"),
  timeout: positiveDuration.optional().describe("Per attempt; cancels the remote job"),
  pool: z.string().optional().describe("Takes slots of this pool while it runs"),
  priority: z.int().min(-1_000_000).max(1_000_000).optional().describe("Higher starts first; default 1"),
  weight_rule: z
    .enum(WEIGHT_RULES)
    .optional()
    .describe("What priority is summed over: the task and all after it (default), all before it, or itself alone"),
  depends_on_past: z.boolean().optional().describe("Waits for this task of the run before to succeed or be skipped"),
  wait_for_downstream: z
    .boolean()
    .optional()
    .describe("As depends_on_past, and for the tasks right after it in the run before"),
  aws: aws.optional(),
};
export const defaults = z.strictObject(repeated);

const itemsKeys = ["items", "max_parallel", "label"];
const mapped = z.strictObject({
  items: z
    .union([z.string(), z.array(json), z.record(z.string(), json)])
    .describe("A list, a map (its items are {key, value}), a template that renders to one, or an s3:// address"),
  max_parallel: count
    .optional()
    .describe("How many may be at work at once in a run; default: as many as there is room"),
  label: z.string().optional().describe("A template over item, shown instead of the number"),
});
const literalMap = z
  .record(z.string(), json)
  .refine((map) => !itemsKeys.some((key) => Object.hasOwn(map, key)), "write it as { items: {…} }");

/** One form within: { items, max_parallel, label }. */
const forEach = z.union([
  mapped,
  z.string().transform((items) => ({ items })),
  z.array(json).transform((items) => ({ items })),
  literalMap.transform((items) => ({ items })),
]);

const task = z
  .strictObject({
    operator: z.string().describe("The kind of work"),
    with: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("The operator's parameters; templates may stand anywhere"),
    depends_on: names.optional().describe("Tasks and groups that must end first"),
    setup_for: names.optional().describe("Tasks and groups that need what this one sets up: they depend on it"),
    teardown_of: names.optional().describe("Setups this task tears down, whatever happens in between"),
    fails_run: z.boolean().optional().describe("On a teardown: its failure fails the run"),
    trigger_rule: z.enum(TRIGGER_RULES).optional().describe("Default all_success"),
    when: z.string().optional().describe("A template: the task is skipped where it renders to something false"),
    for_each: forEach.optional().describe("One instance for each item: a list, a map, a template or an s3:// address"),
    produces: some(assetName, "asset").optional().describe("Assets that its success brings up to date"),
    ...repeated,
    pool_slots: count.optional().describe("Default 1"),
    max_active_per_dag: count.optional().describe("How many of it may be at work over all runs of the DAG"),
    on_doubt: z.enum(["fail", "resend"]).optional().describe("When nobody can tell whether the launch arrived"),
  })
  .meta({ id: "task" });

/** By task id. */
export const tasks = z.record(id, task);

/** Tasks that belong together: their ids are `group.task`. Groups may hold groups. */
const group = z
  .strictObject({
    depends_on: names.optional().describe("Tasks and groups that must end before its first tasks start"),
    defaults: defaults.optional().describe("For every task within that does not say otherwise"),
    tasks: tasks.optional(),
    get groups() {
      return z.record(id, group).optional();
    },
  })
  .meta({ id: "group" });

/** By the group's id within its parent. */
export const groups = z.record(id, group);

export type TaskInput = z.output<typeof task>;
export type GroupInput = z.output<typeof group>;
export type Defaults = z.output<typeof defaults>;
